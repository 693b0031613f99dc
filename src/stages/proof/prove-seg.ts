import { PipelineError } from "#src/core/errors.js";
import { readSegFrames, type SegFrames, type SegReadFrame } from "#src/formats/seg-read-frames.js";
import { norm, type Vec3 } from "#src/imaging/affine.js";
import type { SlicePlanes } from "./slice-planes.js";

/** Largest relative difference of the distance between slices: a median in one place, a mean in the other. */
const STEP_FRACTION = 0.02;

/** What a segmentation was to say. */
export interface SegExpectation {
  /** Label value of each segment, in the order of their numbers. */
  readonly order: readonly number[];
  readonly planes: SlicePlanes;
  /** Sample that voxel `at` of a label must have: 1 or 0 in BINARY and LABELMAP, 0 to 255 in FRACTIONAL. */
  readonly sampleAt: (label: number, at: number) => number;
  /** Voxels of each label that are not 0. */
  readonly countOf: (label: number) => number;
}

/** Samples of a label map. */
export function labelSamples(labels: Uint8Array | Uint16Array): Pick<SegExpectation, "sampleAt" | "countOf"> {
  const counts = new Float64Array(65_536);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    counts[label] = (counts[label] as number) + 1;
  }
  return { sampleAt: (label, at) => (labels[at] === label ? 1 : 0), countOf: (label) => counts[label] ?? 0 };
}

/** Samples of probabilities in 255 steps, to the nearest. */
export function fractionalSamples(
  probabilities: ReadonlyMap<number, Float32Array>,
): Pick<SegExpectation, "sampleAt" | "countOf"> {
  const step = new Uint8ClampedArray(1);
  const sampleAt = (label: number, at: number): number => {
    step[0] = 255 * (probabilities.get(label)?.[at] ?? 0);
    return step[0] ?? 0;
  };
  const countOf = (label: number): number => {
    let count = 0;
    const length = probabilities.get(label)?.length ?? 0;
    for (let i = 0; i < length; i++) if (sampleAt(label, i) > 0) count++;
    return count;
  };
  return { sampleAt, countOf };
}

/**
 * Reads a DICOM SEG again from its bytes and puts every pixel of every frame, by that frame's own position, orientation
 * and spacing, onto the label map's grid: each must find its own value there, and none may be left over. A structure
 * that is flipped, turned, moved by a voxel or given to another segment is found whatever its shape.
 *
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveSeg(bytes: Uint8Array, expected: SegExpectation): void {
  const seg = readSegFrames(bytes);
  const { order } = expected;
  if (seg.segments.length !== order.length) {
    throw invalid(`has ${seg.segments.length} segments, expected ${order.length}`);
  }
  const labelOf = new Map(seg.segments.map((number, n) => [number, order[n] ?? 0]));
  const seen = new Set<string>();
  const counts = new Map<number, number>();
  let f = 0;
  for (const frame of seg.frames) {
    f++;
    const place = placeOf(frame, seg, expected.planes, f);
    const key = `${frame.segment}:${place.slice}`;
    if (seen.has(key)) throw invalid(`has two frames of one segment on slice ${place.slice + 1}`);
    seen.add(key);
    compareFrame(frame, place, seg, expected, labelOf, counts, f);
  }
  for (const label of order) {
    const found = counts.get(label) ?? 0;
    const wanted = expected.countOf(label);
    if (found !== wanted) throw invalid(`has ${found} voxels of structure ${label}, expected ${wanted}`);
  }
}

function compareFrame(
  frame: SegReadFrame,
  { slice, at, perColumn, perRow }: FramePlace,
  { kind }: SegFrames,
  { planes, sampleAt }: SegExpectation,
  labelOf: ReadonlyMap<number, number>,
  counts: Map<number, number>,
  f: number,
): void {
  const [nx, ny] = planes.size;
  frame.visit((value, c, r) => {
    const label = labelOf.get(frame.segment ?? value);
    const x = at[0] + c * perColumn[0] + r * perRow[0];
    const y = at[1] + c * perColumn[1] + r * perRow[1];
    const isInside = x >= 0 && x < nx && y >= 0 && y < ny;
    const wanted = label === undefined || !isInside ? -1 : sampleAt(label, x + nx * (y + ny * slice));
    if (label === undefined || wanted !== (kind === "FRACTIONAL" ? value : 1)) {
      throw invalid(`has in frame ${f} a pixel of structure ${label ?? "unknown"} that is not there in the label map`);
    }
    counts.set(label, (counts.get(label) ?? 0) + 1);
  });
}

/** How a frame's pixels lie on the label map's grid, in whole voxels. */
interface FramePlace {
  readonly slice: number;
  readonly at: readonly [number, number];
  readonly perColumn: readonly [number, number];
  readonly perRow: readonly [number, number];
}

function placeOf(frame: SegReadFrame, { columns, rows }: SegFrames, planes: SlicePlanes, f: number): FramePlace {
  const first = at(frame, planes, 0, 0, f);
  const right = at(frame, planes, Math.max(1, columns - 1), 0, f);
  const below = at(frame, planes, 0, Math.max(1, rows - 1), f);
  if (right.slice !== first.slice || below.slice !== first.slice) throw invalid(`has frame ${f} across slices`);
  checkStep(frame, planes, f);
  const per = (end: typeof first, count: number): [number, number] => [
    Math.round((end.column - first.column) / count),
    Math.round((end.row - first.row) / count),
  ];
  const place = {
    slice: first.slice,
    at: [Math.round(first.column), Math.round(first.row)] as const,
    perColumn: per(right, Math.max(1, columns - 1)),
    perRow: per(below, Math.max(1, rows - 1)),
  };
  // Whole voxels must lead to the same places, at the far corners too.
  for (const [found, c, r] of [
    [first, 0, 0],
    [right, Math.max(1, columns - 1), 0],
    [below, 0, Math.max(1, rows - 1)],
  ] as const) {
    const x = place.at[0] + c * place.perColumn[0] + r * place.perRow[0];
    const y = place.at[1] + c * place.perColumn[1] + r * place.perRow[1];
    const off = norm([(found.column - x) * planes.pixelMm[0], (found.row - y) * planes.pixelMm[1], 0]);
    if (!(off <= planes.toleranceMm)) {
      throw invalid(
        `has frame ${f} lying ${off.toFixed(2)} mm off, expected at most ${planes.toleranceMm.toFixed(2)} mm`,
      );
    }
  }
  return place;
}

function at(frame: SegReadFrame, planes: SlicePlanes, c: number, r: number, f: number) {
  const along = (axis: 0 | 1 | 2) => frame.origin[axis] + c * frame.columnStep[axis] + r * frame.rowStep[axis];
  const ras: Vec3 = [along(0), along(1), along(2)];
  const found = planes.find(ras);
  if (found === null) throw invalid(`has frame ${f} on none of the label map's slices`);
  return found;
}

function checkStep({ sliceStepMm }: SegReadFrame, planes: SlicePlanes, f: number): void {
  if (planes.sliceStepMm === null || planes.size[2] === 1) return;
  const ratio = (sliceStepMm ?? 0) / planes.sliceStepMm;
  if (Math.abs(ratio - 1) <= STEP_FRACTION) return;
  throw invalid(
    `has frame ${f} with ${ratio.toFixed(3)} of the distance between slices, expected 1 within ${STEP_FRACTION}`,
  );
}

function invalid(what: string): PipelineError {
  return new PipelineError("ResultInvalid", `the written SEG ${what}`);
}
