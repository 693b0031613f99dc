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

/** Bytes of pixels above which empty frames are left out: most of many segments' frames are. */
const MOST_WITH_EMPTY_FRAMES = 64 * 1024 ** 2;

/**
 * One bit a pixel, least significant first, frames without a gap between them (PS3.5 8.1.1), segment by segment: every
 * slice of every segment, empty ones too, as some viewers fail on segmentations without them; but where these would
 * make more than 64 MiB, only slices on which the segment has a voxel. Where it has none at all, its first slice.
 *
 * @throws {RangeError} when a label has no segment
 */
export function binaryPixels({ labels }: SegLabels, segments: readonly SegSegment[]): SegPixels {
  const { data: voxels, size } = labels;
  const area = size[0] * size[1];
  const isWhole = (voxels.length * segments.length) / 8 <= MOST_WITH_EMPTY_FRAMES;
  const { frames, startOf } = binaryFrames(labels, segments, isWhole);
  const data = new Uint8Array(Math.ceil((frames.length * area) / 8));
  const numberOf = segmentNumbers(segments);
  for (let slice = 0, i = 0; slice < size[2]; slice++) {
    for (let pixel = 0; pixel < area; pixel++, i++) {
      const label = voxels[i] as number;
      if (label === 0) continue;
      const bit = (startOf[((numberOf[label] as number) - 1) * size[2] + slice] as number) * area + pixel;
      const byte = Math.floor(bit / 8);
      data[byte] = (data[byte] as number) | (1 << (bit % 8));
    }
  }
  return { bits: 1, frames, data };
}

/** The frames, and for each segment and slice which of them is theirs. */
function binaryFrames(
  { data, size }: SegLabels["labels"],
  segments: readonly SegSegment[],
  isWhole: boolean,
): { readonly frames: SegFrame[]; readonly startOf: Float64Array } {
  const area = size[0] * size[1];
  const numberOf = segmentNumbers(segments);
  const isUsed = new Uint8Array(segments.length * size[2]).fill(isWhole ? 1 : 0);
  for (let slice = 0, i = 0; slice < size[2]; slice++) {
    for (let pixel = 0; pixel < area; pixel++, i++) {
      const label = data[i] as number;
      if (label === 0) continue;
      const number = numberOf[label] as number;
      if (number === 0) throw new RangeError(`label ${label} has no segment`);
      isUsed[(number - 1) * size[2] + slice] = 1;
    }
  }
  const frames: SegFrame[] = [];
  const startOf = new Float64Array(isUsed.length);
  for (const [s] of segments.entries()) {
    const own = isUsed.subarray(s * size[2], (s + 1) * size[2]);
    if (!own.includes(1)) own[0] = 1;
    for (const [slice, used] of own.entries()) {
      if (used === 0) continue;
      startOf[s * size[2] + slice] = frames.length;
      frames.push({ segment: s + 1, slice });
    }
  }
  return { frames, startOf };
}

/** Number of each label's segment, from 1; 0 for none. */
function segmentNumbers(segments: readonly SegSegment[]): Uint16Array {
  const numbers = new Uint16Array(65_536);
  for (const [s, { value }] of segments.entries()) numbers[value] = s + 1;
  return numbers;
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
