import { join, sep } from "node:path";

/** Whether a path is that of a folder or lies below it, by names alone. Both absolute, or both below the same folder. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(join(folder, sep));
}
