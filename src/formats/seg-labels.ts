import { PipelineError } from "#src/core/errors.js";
import {
  type Affine,
  affineFromColumns,
  applyAffine,
  cross,
  dot,
  invertAffine,
  norm,
  type Size3,
  type Vec3,
} from "#src/imaging/affine.js";
import { type Grid, type Volume, voxelCount } from "#src/imaging/volume.js";
import { readSegFrames, type SegFrames, type SegReadFrame } from "./seg-read-frames.js";
import { distinctHeights, sliceSteps } from "./seg-step.js";

/** How far a frame may lie from the grid's voxels, in voxels: positions in DICOM are decimal text. */
const OFF_GRID = 0.05;
/** Most voxels that a grid is made of: two frames may claim to be any distance apart. */
const MOST_VOXELS = 2 ** 28;

/** Media Storage SOP Classes: Segmentation Storage, Label Map Segmentation Storage. */
const SEG_CLASS = /1\.2\.840\.10008\.5\.1\.4\.1\.1\.66\.[47](?![.\d])/;

/** Whether bytes are the start (1 KiB is enough) of a DICOM segmentation, by the class that its first group names. */
export function isSegFile(head: Uint8Array): boolean {
  return isDicomFile(head) && SEG_CLASS.test(new TextDecoder("latin1").decode(head.subarray(0, 1024)));
}

/** Whether bytes start as a DICOM file does. */
export function isDicomFile(bytes: Uint8Array): boolean {
  return [0x44, 0x49, 0x43, 0x4d].every((byte, i) => bytes[128 + i] === byte);
}

/**
 * The smallest grid that holds every frame of some DICOM SEGs of one series, from the frames' own positions: x along
 * the rows of a frame, y along its columns, z along the slice normal.
 *
 * @param segs bytes of each
 * @throws {PipelineError} InputUnreadable for what is no SEG; InputUnsupported for frames that make no grid
 */
export function segGrid(segs: readonly Uint8Array[], subject: string): Grid {
  const files = segs.map((bytes) => openSeg(bytes, subject));
  const frames = files.flatMap(({ frames: all }) => [...all]);
  const [first] = frames;
  const [file] = files;
  if (first === undefined || file === undefined) throw unsupported(subject, "has no frame");
  const across = cross(first.columnStep, first.rowStep);
  const normal = scaled(across, 1 / norm(across));
  const heightOf = ({ origin }: SegReadFrame) => dot(origin, normal);
  const pixelMm = Math.min(norm(first.columnStep), norm(first.rowStep));
  const heights = distinctHeights(frames.map(heightOf), pixelMm, first);
  const { stepMm, slices } = sliceSteps(heights, first);
  if (!(stepMm > 0 && slices * file.columns * file.rows <= MOST_VOXELS)) {
    const span = (heights.at(-1) ?? 0) - (heights[0] ?? 0);
    throw unsupported(subject, `has frames ${span} mm apart with ${stepMm} mm between slices`);
  }
  const start = frames.find((frame) => heightOf(frame) === heights[0]) ?? first;
  return {
    size: [file.columns, file.rows, slices],
    spacingMm: [norm(first.columnStep), norm(first.rowStep), stepMm],
    affineRas: affineFromColumns(first.columnStep, first.rowStep, scaled(normal, stepMm), start.origin),
  };
}

/**
 * The labels of a DICOM SEG (BINARY or LABELMAP) on a grid, each frame where it says that it lies; a label is its
 * segment's number. Axes may run the other way, or be exchanged. Nothing is resampled.
 *
 * @param subject how messages name the file
 * @throws {PipelineError} InputUnreadable for what is no SEG; InputMismatch where a pixel lies on no voxel of the grid;
 *   InputUnsupported for a FRACTIONAL SEG and for segments that overlap
 */
export function readSegLabels(bytes: Uint8Array, grid: Grid, subject: string): Volume<Uint16Array> {
  const seg = openSeg(bytes, subject);
  if (seg.kind === "FRACTIONAL") throw unsupported(subject, "is FRACTIONAL, expected BINARY or LABELMAP");
  return { ...gridOf(grid), data: segLabels(seg, grid, subject, 1) };
}

/**
 * The label map of an open SEG: a voxel gets the number of the segment whose sample is at least `least`.
 *
 * @throws {PipelineError} InputMismatch where a pixel lies on no voxel of the grid; InputUnsupported for segments that
 *   overlap
 */
export function segLabels(seg: OpenSeg, grid: Grid, subject: string, least: number): Uint16Array {
  const data = new Uint16Array(voxelCount(grid.size));
  const isFractional = seg.kind === "FRACTIONAL";
  visitSeg(seg, grid, subject, (segment, at, value) => {
    if (isFractional && value < least) return;
    const before = data[at] ?? 0;
    if (before !== 0 && before !== segment) {
      throw unsupported(subject, `has a pixel in segments ${before} and ${segment}, expected one`);
    }
    data[at] = segment;
  });
  return data;
}

/**
 * Calls for every pixel of a SEG that is not background, at the voxel where its frame says that it lies.
 *
 * @param visit value: the sample of FRACTIONAL
 * @param only a segment: frames of others are passed over
 * @throws {PipelineError} InputMismatch where a pixel lies on no voxel of the grid
 */
export function visitSeg(
  seg: OpenSeg,
  grid: Grid,
  subject: string,
  visit: (segment: number, at: number, value: number) => void,
  only?: number,
): void {
  const toVoxels = invertAffine(grid.affineRas);
  for (const [f, frame] of seg.frames.entries()) {
    if (only !== undefined && frame.segment !== null && frame.segment !== only) continue;
    const { start, column, row } = placeOf(frame, toVoxels, grid.size, seg, `${subject}, frame ${f + 1},`);
    frame.visit((value, x, y) => {
      const segment = frame.segment ?? value;
      if (only === undefined || segment === only) visit(segment, start + column * x + row * y, value);
    });
  }
}

function gridOf({ size, affineRas, spacingMm }: Grid): Grid {
  return { size, affineRas, spacingMm };
}

/** First voxel of a frame, and what to add for the next pixel of its row and of its column. */
function placeOf(
  frame: SegReadFrame,
  toVoxels: Affine,
  size: Size3,
  { columns, rows }: SegFrames,
  subject: string,
): { readonly start: number; readonly column: number; readonly row: number } {
  const strides = [1, size[0], size[0] * size[1]];
  const origin = applyAffine(toVoxels, frame.origin);
  const step = (vector: Vec3): Vec3 => {
    const end = applyAffine(toVoxels, [
      frame.origin[0] + vector[0],
      frame.origin[1] + vector[1],
      frame.origin[2] + vector[2],
    ]);
    return [end[0] - origin[0], end[1] - origin[1], end[2] - origin[2]];
  };
  const [along, down] = [step(frame.columnStep), step(frame.rowStep)];
  let [start, column, row] = [0, 0, 0];
  // A pixel must step to the next voxel, along one axis of the grid in its row and along another in its column.
  let [units, isOnGrid] = [0, true];
  for (const axis of [0, 1, 2] as const) {
    const from = Math.round(origin[axis]);
    const [right, below] = [Math.round(along[axis]), Math.round(down[axis])];
    // The error of a step adds up over the frame.
    const off = Math.max(
      Math.abs(origin[axis] - from),
      Math.abs(along[axis] - right) * columns,
      Math.abs(down[axis] - below) * rows,
    );
    const ends = [from, from + right * (columns - 1) + below * (rows - 1)];
    units += 10 * Math.abs(right) + Math.abs(below);
    isOnGrid &&= off <= OFF_GRID && ends.every((end) => end >= 0 && end < size[axis]) && !(right !== 0 && below !== 0);
    start += from * (strides[axis] ?? 0);
    column += right * (strides[axis] ?? 0);
    row += below * (strides[axis] ?? 0);
  }
  if (!isOnGrid || units !== 11) {
    throw new PipelineError("InputMismatch", `${subject} does not lie on the voxels of the grid`);
  }
  return { start, column, row };
}

/** A SEG that was parsed. */
export type OpenSeg = SegFrames & { readonly frames: readonly SegReadFrame[] };

/**
 * Parses a SEG of an upload. (A proof fails on what is no SEG; here that is the sender's fault, not ours.)
 *
 * @throws {PipelineError} InputUnreadable for what is no SEG
 */
export function openSeg(bytes: Uint8Array, subject: string): OpenSeg {
  try {
    const seg = readSegFrames(bytes);
    return { ...seg, frames: [...seg.frames] };
  } catch (cause) {
    if (!(cause instanceof PipelineError)) throw cause;
    throw new PipelineError("InputUnreadable", `${subject}: ${cause.message}`, { cause });
  }
}

function unsupported(subject: string, what: string): PipelineError {
  return new PipelineError("InputUnsupported", `${subject} ${what}`);
}

function scaled(v: Vec3, factor: number): Vec3 {
  return [v[0] * factor, v[1] * factor, v[2] * factor];
}
