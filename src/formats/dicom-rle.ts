import { PipelineError } from "#src/core/errors.js";
import { unpackSegments } from "./codecs/pixel-kernels.js";

/** The kernel counts in 32 bits with a sign. */
const MAX_BYTES = 2 ** 31 - 2 ** 17;

/**
 * Unpacks one frame of DICOM RLE (PS3.5 annex G): one PackBits segment for each byte of a sample, most significant
 * first, component after component, to little-endian planes.
 *
 * @param pixels of the frame
 * @param bytesPerSample 1, 2 or 4
 * @param samples components of a pixel
 * @throws {PipelineError} InputUnreadable when segments are missing or give too few bytes
 */
export function unpackRle(
  frame: Uint8Array,
  pixels: number,
  bytesPerSample: number,
  samples: number,
  subject: string,
): Uint8Array {
  if (frame.length < 64) throw damaged(subject, `${frame.length} bytes`);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const segments = view.getUint32(0, true);
  if (segments !== bytesPerSample * samples || segments > 15) {
    throw damaged(subject, `${segments} segments for ${samples} samples of ${bytesPerSample} bytes`);
  }
  // Two bytes give 128 at most: what claims to give more is not unpacked.
  if (pixels * segments > 64 * frame.length) throw damaged(subject, `${frame.length} bytes for ${pixels} pixels`);

  const plane = pixels * bytesPerSample;
  if (plane * samples + frame.length > MAX_BYTES) {
    const found = `${plane * samples} bytes of pixels in ${frame.length}`;
    throw new PipelineError("InputUnsupported", `${subject} has an RLE frame of ${found}, expected at most 2 GiB`);
  }
  const parts = Array.from({ length: segments }, (_, segment) => {
    const component = Math.floor(segment / bytesPerSample) * plane;
    const next = segment + 1 < segments ? view.getUint32(8 + 4 * segment, true) : frame.length;
    return {
      from: Math.min(view.getUint32(4 + 4 * segment, true), frame.length),
      end: Math.min(next, frame.length),
      first: component + bytesPerSample - 1 - (segment % bytesPerSample),
      limit: component + plane,
    };
  });
  const { bytes, written } = unpackSegments(frame, parts, plane * samples, bytesPerSample);
  const short = written.findIndex((count) => count < pixels);
  if (short >= 0) throw damaged(subject, `${written[short]} pixels in segment ${short}`);
  return bytes;
}

function damaged(subject: string, found: string): PipelineError {
  return new PipelineError("InputUnreadable", `${subject} has a damaged RLE frame: ${found} found`);
}
