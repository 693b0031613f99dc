import { printable } from "#src/core/printable.js";
import type { UploadEntry } from "#src/formats/scan.js";

/** "entry 4", "entries 0, 3 and 7"; of "entries 1, 2 and 5 more" not the count. */
const ENTRY = /\bentr(?:y (\d+)|ies (\d+\b(?:(?:, | and )\d+\b(?! more))*))/g;

/** Whether a message names files of the upload by their places in it. */
export function namesEntry(message: string): boolean {
  return message.search(ENTRY) >= 0;
}

/** What the files are called that a message names by their places: "entry 42 is IM0042". For people at this machine. */
export function entryNames(message: string, entries: readonly UploadEntry[]): string[] {
  const ordinals = new Set(
    [...message.matchAll(ENTRY)].flatMap(([, one, several = ""]) => (one ?? several).split(/\D+/).map(Number)),
  );
  return [...ordinals].flatMap((ordinal) => {
    const entry = entries.find((one) => one.ordinal === ordinal);
    return entry === undefined ? [] : [`entry ${ordinal} is ${printable(entry.name)}`];
  });
}
