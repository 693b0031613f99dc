import { crc32 } from "node:zlib";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly bits: 8 | 16;
  readonly colour: "grey" | "rgb";
}

/**
 * A PNG file of rows that are filtered and deflated already. Nothing in it depends on clock or machine.
 *
 * @param deflated rows, each after the number of its filter, as a zlib stream
 */
export function pngFile({ width, height, bits, colour }: PngHeader, deflated: Uint8Array): Buffer {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, bits);
  // Deflate, filters by row, no interlace stay 0.
  header.setUint8(9, colour === "rgb" ? 2 : 0);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("IDAT", deflated),
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
