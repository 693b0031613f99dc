import { rasterFormat } from "./raster.js";

/**
 * TIFF and BigTIFF in strips or tiles: 8, 16, 32 or 64 bits, whole or real numbers; grey, RGB (with alpha) or palette.
 * Each page is an image of its own, all of one size; reduced copies of a page are left out. Grey where 0 is white keeps
 * its stored values. The reader is loaded when there is a TIFF: starting up counts.
 */
export const tiffFormat = rasterFormat(
  "tiff",
  isTiff,
  async (file) => (await import("./tiff-read.js")).countTiffPages(file),
  async (file, page) => (await import("./tiff-read.js")).readTiff(file, page),
);

function isTiff(head: Uint8Array): boolean {
  const [a, b, c, d] = head;
  return (
    (a === 0x49 && b === 0x49 && (c === 42 || c === 43) && d === 0) ||
    (a === 0x4d && b === 0x4d && c === 0 && (d === 42 || d === 43))
  );
}
