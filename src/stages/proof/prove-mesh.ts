import { PipelineError } from "#src/core/errors.js";
import { applyAffine, invertAffine } from "#src/imaging/affine.js";
import { labelBoxes } from "#src/imaging/label-boxes.js";
import type { Grid } from "#src/imaging/volume.js";

/** Farthest that a corner may lie from where it belongs, in voxels: what single precision leaves of it, and no more. */
const TOLERANCE_VOX = 0.01;

/**
 * Compares a surface, as it was read back from its bytes, with the label it stands for. A surface has its corners
 * half-way between each voxel of the label and its neighbour outside: every corner must lie there, and there must be
 * one for each such pair of voxels. So the surface says which voxels the label has; its volume says that they are
 * inside. It must be closed: each edge has two triangles, that walk it in opposite directions.
 *
 * @param corners three corners a triangle, RAS millimetres
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveSurface(corners: Float64Array, label: number, labels: Uint8Array | Uint16Array, grid: Grid): void {
  const { vertices, found } = borderPoints(corners, label, labels, grid);
  const wanted = borders(label, labels, grid);
  if (found !== wanted) throw invalid(`surface of structure ${label} has ${found} corners, expected ${wanted}`);
  const open = openEdges(vertices, found);
  if (open > 0) throw invalid(`surface of structure ${label} has ${open} edges without just two triangles`);
  if (wanted > 0 && !(volumeOf(corners) > 0)) throw invalid(`surface of structure ${label} is inside out`);
}

/** The corners as numbers of points, from 0, and how many different points there are. */
function borderPoints(
  corners: Float64Array,
  label: number,
  labels: Uint8Array | Uint16Array,
  { size: [nx, ny, nz], affineRas }: Grid,
): { readonly vertices: Uint32Array; readonly found: number } {
  const inverse = invertAffine(affineRas);
  const isInside = (x: number, y: number, z: number): boolean =>
    x >= 0 && y >= 0 && z >= 0 && x < nx && y < ny && z < nz && labels[x + nx * (y + ny * z)] === label;
  const vertices = new Uint32Array(corners.length / 3);
  const numbers = new Map<number, number>();
  for (let n = 0; n < vertices.length; n++) {
    const [px, py, pz] = applyAffine(inverse, [corners[3 * n] ?? 0, corners[3 * n + 1] ?? 0, corners[3 * n + 2] ?? 0]);
    // In half voxels: odd along the one axis on which the corner lies between two.
    const [a, b, c] = [Math.round(2 * px), Math.round(2 * py), Math.round(2 * pz)];
    const off = Math.max(Math.abs(px - a / 2), Math.abs(py - b / 2), Math.abs(pz - c / 2));
    const [i, j, k] = [a & 1, b & 1, c & 1];
    const [x, y, z] = [(a - i) / 2, (b - j) / 2, (c - k) / 2];
    if (!(off <= TOLERANCE_VOX) || i + j + k !== 1 || isInside(x, y, z) === isInside(x + i, y + j, z + k)) {
      throw invalid(`surface of structure ${label} has a corner where the label map has no border`);
    }
    const point = a + 2 + (2 * nx + 4) * (b + 2 + (2 * ny + 4) * (c + 2));
    const known = numbers.get(point);
    vertices[n] = known ?? numbers.size;
    if (known === undefined) numbers.set(point, numbers.size);
  }
  return { vertices, found: numbers.size };
}

/** Pairs of neighbours of which one has the label; beyond the volume nothing has. */
function borders(label: number, labels: Uint8Array | Uint16Array, { size }: Grid): number {
  const [nx, ny, nz] = size;
  const box = labelBoxes(labels, size, [label]).get(label);
  if (box === undefined) return 0;
  const [x0, y0, z0] = box.start;
  const [x1, y1, z1] = [x0 + box.size[0], y0 + box.size[1], z0 + box.size[2]];
  let count = 0;
  for (let z = z0; z < z1; z++) {
    for (let y = y0; y < y1; y++) {
      let at = x0 + nx * (y + ny * z);
      for (let x = x0; x < x1; x++, at++) {
        if (labels[at] !== label) continue;
        if (x === 0 || labels[at - 1] !== label) count++;
        if (x === nx - 1 || labels[at + 1] !== label) count++;
        if (y === 0 || labels[at - nx] !== label) count++;
        if (y === ny - 1 || labels[at + nx] !== label) count++;
        if (z === 0 || labels[at - nx * ny] !== label) count++;
        if (z === nz - 1 || labels[at + nx * ny] !== label) count++;
      }
    }
  }
  return count;
}

/** Edges that are not walked once in each direction. */
function openEdges(vertices: Uint32Array, points: number): number {
  const follower = (n: number): number => vertices[n % 3 === 2 ? n - 2 : n + 1] ?? 0;
  // The followers of point p stand from starts[p] to starts[p + 1].
  const starts = new Uint32Array(points + 1);
  for (const vertex of vertices) starts[vertex + 1] = (starts[vertex + 1] ?? 0) + 1;
  for (let p = 0; p < points; p++) starts[p + 1] = (starts[p + 1] ?? 0) + (starts[p] ?? 0);
  const free = starts.slice();
  const followers = new Uint32Array(vertices.length);
  for (const [n, vertex] of vertices.entries()) {
    const at = free[vertex] ?? 0;
    followers[at] = follower(n);
    free[vertex] = at + 1;
  }
  const walks = (from: number, to: number): number => {
    let count = 0;
    for (let i = starts[from] ?? 0; i < (starts[from + 1] ?? 0); i++) if (followers[i] === to) count++;
    return count;
  };
  let open = 0;
  for (const [n, from] of vertices.entries()) {
    const to = follower(n);
    if (from === to || walks(from, to) !== 1 || walks(to, from) !== 1) open++;
  }
  return open;
}

/** Six times the volume, by the divergence theorem, seen from the first corner. */
function volumeOf(corners: Float64Array): number {
  const at = (n: number): number => (corners[n] ?? 0) - (corners[n % 3] ?? 0);
  let volume = 0;
  for (let n = 0; n < corners.length; n += 9) {
    const [ax, ay, az] = [at(n), at(n + 1), at(n + 2)];
    const [bx, by, bz] = [at(n + 3), at(n + 4), at(n + 5)];
    const [cx, cy, cz] = [at(n + 6), at(n + 7), at(n + 8)];
    volume += ax * (by * cz - bz * cy) - ay * (bx * cz - bz * cx) + az * (bx * cy - by * cx);
  }
  return volume;
}

function invalid(what: string): PipelineError {
  return new PipelineError("ResultInvalid", `the written ${what}`);
}
