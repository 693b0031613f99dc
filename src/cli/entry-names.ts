import { printable } from "#src/core/printable.js";
import type { UploadEntry } from "#src/formats/scan.js";

const ENTRY = /\bentry (\d+)/g;

/** Whether a message names a file of the upload by its place in it. */
export function namesEntry(message: string): boolean {
  return message.search(ENTRY) >= 0;
}

/** What the files are called that a message names by their places: "entry 42 is IM0042". For people at this machine. */
export function entryNames(message: string, entries: readonly UploadEntry[]): string[] {
  const ordinals = new Set([...message.matchAll(ENTRY)].map(([, ordinal]) => Number(ordinal)));
  return [...ordinals].flatMap((ordinal) => {
    const entry = entries.find((one) => one.ordinal === ordinal);
    return entry === undefined ? [] : [`entry ${ordinal} is ${printable(entry.name)}`];
  });
}
