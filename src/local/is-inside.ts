import { join, sep } from "node:path";

/** Whether an absolute path is that of a folder or lies below it, by names alone. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(join(folder, sep));
}
