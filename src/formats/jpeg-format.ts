import { PipelineError } from "#src/core/errors.js";
import { assertPixels, type RasterPage, rasterFormat } from "./raster.js";
import type { VolumeFile } from "./volume-file.js";

/** A block of 64 pixels takes at least one bit. */
const PIXELS_A_BYTE = 512;

/**
 * JPEG of 8 bits, baseline or progressive: grey, or colour as RGB (libjpeg-turbo, with the same values as Pillow). The
 * orientation in its EXIF block is not followed: a label map lies on rows and columns as they are stored.
 */
export const jpegFormat = rasterFormat(
  "jpeg",
  (head) => head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff,
  async () => 1,
  readJpeg,
);

async function readJpeg({ bytes, subject }: VolumeFile): Promise<RasterPage> {
  const frame = frameOf(bytes);
  if (frame === null) {
    throw new PipelineError("InputUnreadable", `${subject} is cut short, expected a JPEG file with a frame header`);
  }
  const { width, height, bits, components, marker } = frame;
  if (marker > 0xc2 || bits !== 8 || (components !== 1 && components !== 3)) {
    const found = `${bits} bits and ${components} components (process ${marker - 0xc0})`;
    throw new PipelineError("InputUnsupported", `${subject} is a JPEG file of ${found}, expected 8 bits, grey or RGB`);
  }
  assertPixels(width, height, bytes.length, PIXELS_A_BYTE, subject);
  const quiet = { print: () => undefined, printErr: () => undefined };
  // Loaded when there is a JPEG picture: starting up counts.
  const { default: load } = await import("@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs");
  const { JPEGDecoder } = await load(quiet);
  const decoder = new JPEGDecoder();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    // A view of the decoder's memory, which goes with it.
    const pixels = decoder.getDecodedBuffer().slice();
    if (pixels.length !== width * height * components) {
      throw new RangeError(`decoder gave ${pixels.length} bytes, expected ${width * height * components}`);
    }
    return { width, height, pixels, components, opaque: 255 };
  } finally {
    decoder.delete();
  }
}

/** What the frame header (SOF, ITU-T T.81 B.2.2) says; null when there is none. */
function frameOf(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 2;
  while (at + 10 <= bytes.length) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      const [bits, components] = [view.getUint8(at + 4), view.getUint8(at + 9)];
      return { marker, bits, height: view.getUint16(at + 5), width: view.getUint16(at + 7), components };
    }
    at += 2 + Math.max(2, view.getUint16(at + 2));
  }
  return null;
}
