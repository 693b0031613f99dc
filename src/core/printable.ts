/** A name from outside as one line of a terminal: what would move the cursor, or turn the text, shows as a box. */
export function printable(name: string): string {
  return name.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "\ufffd");
}
