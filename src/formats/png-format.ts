import { assertPixels, type RasterPage, rasterFormat } from "./raster.js";
import type { VolumeFile } from "./volume-file.js";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Deflate makes at most 1,032 bytes of one, which hold 8 pixels each at one bit a pixel. */
const PIXELS_A_BYTE = 1032 * 8;

/** PNG of 1 to 16 bits: grey, colour or palette. Values are those stored, not stretched to a byte's range. */
export const pngFormat = rasterFormat(
  "png",
  (head) => SIGNATURE.every((byte, i) => head[i] === byte),
  async () => 1,
  readPng,
);

async function readPng({ bytes, subject }: VolumeFile): Promise<RasterPage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The header is always the first chunk: length, "IHDR", width, height.
  assertPixels(view.getUint32(16), view.getUint32(20), bytes.length, PIXELS_A_BYTE, subject);
  // Loaded when there is a PNG: starting up counts.
  const { PNG } = await import("pngjs");
  const png = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), { skipRescale: true });
  const { width, height, depth } = png;
  // pngjs gives 16-bit pixels as a Uint16Array, which its types leave out.
  const pixels: Uint8Array | Uint16Array = png.data;
  return { width, height, pixels, components: 4, opaque: png.palette ? 255 : 2 ** depth - 1 };
}
