import { PipelineError } from "#src/core/errors.js";
import { readRtStructContours } from "#src/formats/rtstruct-read.js";
import type { Vec3 } from "#src/imaging/affine.js";
import type { SlicePlanes } from "./slice-planes.js";

/** Corners of a contour in columns and rows of its slice. */
type Outline = readonly (readonly [number, number])[];

/**
 * Reads an RT Structure Set again from its bytes and fills its contours, each on the slice where it lies, by the
 * even-odd rule at the centres of voxels: what is inside must be the label map, voxel for voxel, and every corner must
 * lie where voxels meet.
 *
 * @param order label value of each ROI, in the order of their numbers
 * @param labels on the slices of `planes`, x fastest
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveRtStruct(
  bytes: Uint8Array,
  order: readonly number[],
  labels: Uint8Array | Uint16Array,
  planes: SlicePlanes,
): void {
  const rois = readRtStructContours(bytes);
  if (rois.length !== order.length) throw invalid(`has ${rois.length} ROIs, expected ${order.length}`);
  const [nx, ny, nz] = planes.size;
  for (const [n, { contours }] of rois.entries()) {
    const label = order[n] ?? 0;
    const bySlice = new Map<number, Outline[]>();
    for (const contour of contours) {
      const { slice, outline } = onSlice(contour, planes, label);
      bySlice.set(slice, [...(bySlice.get(slice) ?? []), outline]);
    }
    for (let z = 0; z < nz; z++) {
      const outlines = bySlice.get(z) ?? [];
      for (let y = 0; y < ny; y++) {
        const from = nx * (y + ny * z);
        compareRow(labels.subarray(from, from + nx), crossings(outlines, y), label, z);
      }
    }
  }
}

function onSlice(contour: readonly Vec3[], planes: SlicePlanes, label: number): { slice: number; outline: Outline } {
  const found = contour.map((point) => planes.find(point));
  const slice = found[0]?.slice;
  if (slice === undefined || found.some((point) => point?.slice !== slice)) {
    throw invalid(`has a contour of structure ${label} on none of the label map's slices`);
  }
  for (const point of found) {
    const off = Math.hypot(fromEdge(point?.column) * planes.pixelMm[0], fromEdge(point?.row) * planes.pixelMm[1]);
    if (off <= planes.toleranceMm) continue;
    const limit = planes.toleranceMm.toFixed(2);
    throw invalid(
      `has a corner of structure ${label} ${off.toFixed(2)} mm off the voxels' edges, expected at most ${limit} mm`,
    );
  }
  return { slice, outline: found.map((point) => [point?.column ?? 0, point?.row ?? 0]) };
}

/** Distance to the nearest border between voxels, in voxels: outlines run along these. */
function fromEdge(place = 0): number {
  const shifted = place - 0.5;
  return Math.abs(shifted - Math.round(shifted));
}

/** Columns at which outlines cross the line through the centres of a row's voxels, ascending. */
function crossings(outlines: readonly Outline[], y: number): number[] {
  const out: number[] = [];
  for (const outline of outlines) {
    let [ax, ay] = outline.at(-1) ?? [0, 0];
    for (const [bx, by] of outline) {
      if (ay > y !== by > y) out.push(ax + ((y - ay) * (bx - ax)) / (by - ay));
      [ax, ay] = [bx, by];
    }
  }
  return out.sort((a, b) => a - b);
}

function compareRow(row: Uint8Array | Uint16Array, columns: readonly number[], label: number, z: number): void {
  let passed = 0;
  for (let x = 0; x < row.length; x++) {
    while (passed < columns.length && (columns[passed] ?? 0) < x) passed++;
    if ((passed % 2 === 1) === (row[x] === label)) continue;
    throw invalid(`encloses on slice ${z + 1} another voxel than those of structure ${label}`);
  }
}

function invalid(what: string): PipelineError {
  return new PipelineError("ResultInvalid", `the written RTSTRUCT ${what}`);
}
