import { crc32, deflateSync } from "node:zlib";
import type { Size3 } from "#src/imaging/affine.js";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

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
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  // Bits a sample; colour type 0 (grey), deflate, no interlace stay 0.
  header.setUint8(8, 8 * bytes);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("IDAT", deflateSync(rows, { level: 6 })),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, "latin1");
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}
