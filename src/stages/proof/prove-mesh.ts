import { PipelineError } from "#src/core/errors.js";
import { applyAffine, invertAffine } from "#src/imaging/affine.js";
import type { Grid } from "#src/imaging/volume.js";

/** Farthest that a corner may lie from where it belongs, in voxels: what single precision leaves of it, and no more. */
const TOLERANCE_VOX = 0.01;

/**
 * Compares a surface, as it was read back from its bytes, with the label it stands for. A surface has its corners
 * half-way between each voxel of the label and its neighbour outside: every corner must lie there, and there must be
 * one for each such pair of voxels. So the surface says which voxels the label has; its volume says that they are inside.
 *
 * @param corners three corners a triangle, RAS millimetres
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveSurface(corners: Float64Array, label: number, labels: Uint8Array | Uint16Array, grid: Grid): void {
  const [nx, ny, nz] = grid.size;
  const inverse = invertAffine(grid.affineRas);
  const isInside = (x: number, y: number, z: number): boolean =>
    x >= 0 && y >= 0 && z >= 0 && x < nx && y < ny && z < nz && labels[x + nx * (y + ny * z)] === label;
  const seen = new Set<number>();
  let volume = 0;
  for (let at = 0; at < corners.length; at += 9) {
    for (let corner = at; corner < at + 9; corner += 3) {
      const place = applyAffine(inverse, [corners[corner] ?? 0, corners[corner + 1] ?? 0, corners[corner + 2] ?? 0]);
      const doubled = place.map((v) => Math.round(2 * v));
      const off = Math.max(...place.map((v, axis) => Math.abs(v - (doubled[axis] ?? 0) / 2)));
      const between = doubled.flatMap((v, axis) => (v % 2 === 0 ? [] : [axis]));
      const [axis] = between;
      const [x = 0, y = 0, z = 0] = doubled.map((v) => Math.floor(v / 2));
      const next = [x, y, z].map((v, n) => (n === axis ? v + 1 : v)) as [number, number, number];
      if (!(off <= TOLERANCE_VOX) || between.length !== 1 || isInside(x, y, z) === isInside(...next)) {
        throw invalid(`surface of structure ${label} has a corner where the label map has no border`);
      }
      const [a = 0, b = 0, c = 0] = doubled;
      seen.add(a + 2 + (2 * nx + 4) * (b + 2 + (2 * ny + 4) * (c + 2)));
    }
    volume += sixthVolume(corners, at);
  }
  const wanted = borders(grid, isInside);
  if (seen.size !== wanted) throw invalid(`surface of structure ${label} has ${seen.size} corners, expected ${wanted}`);
  if (wanted > 0 && !(volume > 0)) throw invalid(`surface of structure ${label} is inside out`);
}

/** Pairs of neighbours of which one is inside; beyond the volume nothing is. */
function borders({ size: [nx, ny, nz] }: Grid, isInside: (x: number, y: number, z: number) => boolean): number {
  let count = 0;
  for (let z = -1; z < nz; z++) {
    for (let y = -1; y < ny; y++) {
      for (let x = -1; x < nx; x++) {
        const own = isInside(x, y, z);
        if (own !== isInside(x + 1, y, z)) count++;
        if (own !== isInside(x, y + 1, z)) count++;
        if (own !== isInside(x, y, z + 1)) count++;
      }
    }
  }
  return count;
}

/** Six times the signed volume between a triangle and the origin. */
function sixthVolume(v: Float64Array, at: number): number {
  const [ax = 0, ay = 0, az = 0, bx = 0, by = 0, bz = 0, cx = 0, cy = 0, cz = 0] = v.subarray(at, at + 9);
  return ax * (by * cz - bz * cy) - ay * (bx * cz - bz * cx) + az * (bx * cy - by * cx);
}

function invalid(what: string): PipelineError {
  return new PipelineError("ResultInvalid", `the written ${what}`);
}
