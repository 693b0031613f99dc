import { MANIFEST_NAME, MARKER_NAME } from "./scan-manifest.js";

/** Keys that are looked at in a folder with many below it: beyond them its count and its closing marker are no evidence. */
export const MAX_LISTED_KEYS = 50_000;
/** Files that one folder may promise or close: an upload has no more (`expandUpload`). */
export const MAX_FOLDER_FILES = 20_000;

/**
 * What an object is by its name: an upload, `scan.json` or `scan.complete`, which say something of its folder, or
 * nothing: markers of folders, and hidden or unfinished files.
 */
export function roleOfName(key: string): "upload" | "folder" | "none" {
  const name = key.slice(key.lastIndexOf("/") + 1);
  if (name === MANIFEST_NAME || name === MARKER_NAME) return "folder";
  return name === "" || name.startsWith(".") || /\.(partial|tmp)$/.test(name) ? "none" : "upload";
}

/** The part of a key up to its last slash, with it. */
export function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/") + 1);
}
