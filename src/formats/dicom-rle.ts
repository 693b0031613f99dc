import { PipelineError } from "#src/core/errors.js";

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
  const out = new Uint8Array(plane * samples);
  for (let segment = 0; segment < segments; segment++) {
    const start = view.getUint32(4 + 4 * segment, true);
    const end = segment + 1 < segments ? view.getUint32(8 + 4 * segment, true) : frame.length;
    const component = Math.floor(segment / bytesPerSample);
    const own = out.subarray(component * plane, (component + 1) * plane);
    const first = bytesPerSample - 1 - (segment % bytesPerSample);
    const written = unpackSegment(frame, start, Math.min(end, frame.length), own, first, bytesPerSample);
    if (written < pixels) throw damaged(subject, `${written} pixels in segment ${segment}`);
  }
  return out;
}

/** PackBits into every `stride`-th byte of `out` from `first` on; the number of bytes written. */
function unpackSegment(
  frame: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  first: number,
  stride: number,
): number {
  let to = first;
  let from = start;
  while (from + 1 < end && to < out.length) {
    const control = frame[from++] as number;
    if (control === 128) continue;
    const room = Math.ceil((out.length - to) / stride);
    if (control < 128) {
      const stop = from + Math.min(control + 1, end - from, room);
      for (; from < stop; to += stride) out[to] = frame[from++] as number;
    } else {
      const value = frame[from++] as number;
      const stop = to + stride * Math.min(257 - control, room);
      for (; to < stop; to += stride) out[to] = value;
    }
  }
  return (to - first) / stride;
}

function damaged(subject: string, found: string): PipelineError {
  return new PipelineError("InputUnreadable", `${subject} has a damaged RLE frame: ${found} found`);
}
