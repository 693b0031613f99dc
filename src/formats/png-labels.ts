import { deflateSync } from "node:zlib";
import { pngFile } from "#src/core/png-file.js";
import type { Size3 } from "#src/imaging/affine.js";

/**
 * A label map of one slice as a greyscale PNG whose grey values are the labels themselves: 8 bits, or 16 where the
 * labels are. Rows and columns are those of the source picture. Nothing in the file depends on clock or machine.
 *
 * @throws {RangeError} when the map has more than one slice or not the voxels of its size
 */
export function writePngLabels(labels: Uint8Array | Uint16Array, size: Size3): Uint8Array {
  const [width, height, depth] = size;
  if (depth !== 1 || labels.length !== width * height) {
    throw new RangeError(`labels must be one slice of ${width} x ${height}, got ${labels.length} in ${depth} slices`);
  }
  const bytes = labels.BYTES_PER_ELEMENT;
  const rowBytes = 1 + width * bytes;
  // Each row starts with its filter: 0, none, which packs labels best.
  const rows = new Uint8Array(rowBytes * height);
  const view = new DataView(rows.buffer);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = labels[y * width + x] ?? 0;
      if (bytes === 1) view.setUint8(y * rowBytes + 1 + x, value);
      else view.setUint16(y * rowBytes + 1 + 2 * x, value);
    }
  }
  return pngFile({ width, height, bits: bytes === 1 ? 8 : 16, colour: "grey" }, deflateSync(rows, { level: 6 }));
}
