/** A name from outside as it may be shown in a terminal: without characters that would steer it. */
export function printableName(name: string): string {
  return name.replaceAll(/\p{C}/gu, "?");
}
