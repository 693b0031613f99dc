import { packRle } from "./rle-pack.js";
import type { SegFrame } from "./seg-frames.js";
import type { SegLabels, SegProbabilities, SegSegment } from "./seg-options.js";

/** Pixels of a segmentation and the frames they make up, in order. */
export interface SegPixels {
  readonly bits: 1 | 8 | 16;
  readonly frames: readonly SegFrame[];
  /** All frames without a gap, or each frame compressed in RLE. */
  readonly data: Uint8Array | readonly Uint8Array[];
}

/**
 * One bit a pixel, least significant first, frames without a gap between them (PS3.5 8.1.1): every slice of every
 * segment, empty ones too (some viewers fail on segmentations without them), segment by segment.
 *
 * @throws {RangeError} when a label has no segment
 */
export function binaryPixels({ labels }: SegLabels, segments: readonly SegSegment[]): SegPixels {
  const voxels = labels.data;
  const data = new Uint8Array(Math.ceil((voxels.length * segments.length) / 8));
  const startOf = new Float64Array(65_536).fill(-1);
  for (const [s, segment] of segments.entries()) startOf[segment.value] = s * voxels.length;
  for (let i = 0; i < voxels.length; i++) {
    const label = voxels[i] ?? 0;
    if (label === 0) continue;
    const start = startOf[label] ?? -1;
    if (start < 0) throw new RangeError(`label ${label} has no segment`);
    const bit = start + i;
    const byte = Math.floor(bit / 8);
    data[byte] = (data[byte] ?? 0) | (1 << (bit % 8));
  }
  const slices = Array.from({ length: labels.size[2] }, (_, k) => k);
  const frames = segments.flatMap((_, s) => slices.map((slice) => ({ segment: s + 1, slice })));
  return { bits: 1, frames, data };
}

/**
 * Segment numbers in 8 bits, or 16 where one is above 255: one frame a slice, in RLE.
 *
 * @throws {RangeError} when a label has no segment
 */
export function labelMapPixels({ labels }: SegLabels, segments: readonly SegSegment[]): SegPixels {
  const [columns, rows, depth] = labels.size;
  const isKnown = new Uint8Array(65_536);
  isKnown[0] = 1;
  for (const { value } of segments) isKnown[value] = 1;
  const bits = segments.some(({ value }) => value > 255) ? 16 : 8;
  const data = Array.from({ length: depth }, (_, k) => {
    const slice = labels.data.subarray(k * rows * columns, (k + 1) * rows * columns);
    let before = 0;
    for (let i = 0; i < slice.length; i++) {
      const label = slice[i] ?? 0;
      if (label === before) continue;
      if (isKnown[label] === 0) throw new RangeError(`label ${label} has no segment`);
      before = label;
    }
    return packRle(planesOf(slice, bits), columns);
  });
  return { bits, frames: data.map((_, slice) => ({ segment: null, slice })), data };
}

/** Bytes of each label, most significant first. */
function planesOf(labels: Uint8Array | Uint16Array, bits: 8 | 16): Uint8Array[] {
  const low = labels instanceof Uint8Array ? labels : Uint8Array.from(labels, (label) => label & 0xff);
  if (bits === 8) return [low];
  return [Uint8Array.from(labels, (label) => label >> 8), low];
}

/**
 * Probabilities in 255 steps, to the nearest (so that 128 and more is a probability of 0.5 and more): a frame for every
 * slice of a segment that has a step above 0; where there is none at all, one empty frame, as an image needs one.
 *
 * @throws {RangeError} when a segment has no probabilities, or not as many as the grid has voxels
 */
export function fractionalPixels(options: SegProbabilities, segments: readonly SegSegment[]): SegPixels {
  const [columns, rows, depth] = options.size;
  const area = columns * rows;
  const frames: SegFrame[] = [];
  const parts: Uint8ClampedArray[] = [];
  for (const [s, { value }] of segments.entries()) {
    const of = options.probabilities.get(value);
    if (of?.length !== area * depth) {
      throw new RangeError(`label ${value} must have ${area * depth} probabilities, got ${of?.length ?? 0}`);
    }
    for (let slice = 0; slice < depth; slice++) {
      // A clamped array rounds to the nearest, half-way to even: 127.5 to 128.
      const frame = new Uint8ClampedArray(area);
      let any = 0;
      for (let i = 0; i < area; i++) {
        frame[i] = 255 * (of[slice * area + i] ?? 0);
        any |= frame[i] ?? 0;
      }
      if (any === 0) continue;
      frames.push({ segment: s + 1, slice });
      parts.push(frame);
    }
  }
  if (frames.length === 0) return { bits: 8, frames: [{ segment: 1, slice: 0 }], data: new Uint8Array(area) };
  const data = new Uint8Array(area * parts.length);
  for (const [f, part] of parts.entries()) data.set(part, f * area);
  return { bits: 8, frames, data };
}
