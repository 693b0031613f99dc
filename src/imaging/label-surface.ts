import { type Affine, affineDeterminant, type Size3, type Vec3 } from "./affine.js";
import type { Box } from "./crop.js";
import { cubeTriangles } from "./cube-triangles.js";

/** A closed surface of triangles. */
export interface Mesh {
  /** x, y, z of each vertex in millimetres, RAS. */
  readonly positionsRas: Float64Array;
  /** Three vertices a triangle, counterclockwise when seen from outside. */
  readonly triangles: Uint32Array;
}

/**
 * The surface of one label, through the middle between each voxel of it and its neighbour outside.
 *
 * It is closed: every edge has exactly two triangles, also at the border of the volume, around which there is nothing.
 * Two labels that touch share the same points there. Against the voxels' own volume it cuts corners: at most 5/36 of a
 * voxel for each voxel face between inside and outside (a voxel by itself: an octahedron of a sixth of its volume).
 *
 * @param box the label's box (`labelBoxes`): nothing outside it is looked at
 */
export function labelSurface(
  labels: Uint8Array | Uint16Array,
  size: Size3,
  label: number,
  box: Box,
  affine: Affine,
): Mesh {
  const table = cubeTriangles();
  const [nx, ny] = size;
  const [x0, y0, z0] = box.start;
  const [width, height, depth] = box.size;
  // Corners of cells: the box with a rim of nothing around it.
  const row = width + 2;
  const layerLength = row * (height + 2);
  let low = new Uint8Array(layerLength);
  let high = new Uint8Array(layerLength);
  // Vertex on the edge that starts at a corner, for the lower and the upper layer; 0: none yet.
  let lowEdges = new Uint32Array(3 * layerLength);
  let highEdges = new Uint32Array(3 * layerLength);
  const positions = new GrowingFloats();
  const triangles = new GrowingInts();
  // Corners of the cells count from one before the box.
  const [ax, ay, az] = [x0 - 1, y0 - 1, z0 - 1];
  const addPoint = (cellX: number, cellY: number, cellZ: number): number => {
    const [x, y, z] = [cellX + ax, cellY + ay, cellZ + az];
    return (
      positions.push(
        affine[0] * x + affine[1] * y + affine[2] * z + affine[3],
        affine[4] * x + affine[5] * y + affine[6] * z + affine[7],
        affine[8] * x + affine[9] * y + affine[10] * z + affine[11],
      ) / 3
    );
  };
  /** The vertex in the middle of an edge of the cell whose first corner is corner `i` of the layer. */
  const vertexOn = (edge: number, i: number, x: number, y: number, z: number): number => {
    const corner = (edge / 3) | 0;
    const axis = edge - 3 * corner;
    const dx = corner & 1;
    const dy = (corner >> 1) & 1;
    const dz = corner >> 2;
    const edges = dz === 0 ? lowEdges : highEdges;
    const at = 3 * (i + dx + row * dy) + axis;
    const known = edges[at];
    if (known !== 0) return known - 1;
    const vertex = addPoint(
      x + dx + (axis === 0 ? 0.5 : 0),
      y + dy + (axis === 1 ? 0.5 : 0),
      z + dz + (axis === 2 ? 0.5 : 0),
    );
    edges[at] = vertex + 1;
    return vertex;
  };
  const addCell = (code: number, i: number, x: number, y: number, z: number): void => {
    const edges = table[code];
    for (let n = 0; n < edges.length; n += 3) {
      triangles.push(
        vertexOn(edges[n], i, x, y, z),
        vertexOn(edges[n + 1], i, x, y, z),
        vertexOn(edges[n + 2], i, x, y, z),
      );
    }
  };

  for (let z = 0; z <= depth; z++) {
    if (z < depth) {
      for (let y = 0; y < height; y++) {
        const from = x0 + nx * (y0 + y + ny * (z0 + z));
        for (let x = 0; x < width; x++) high[(y + 1) * row + x + 1] = labels[from + x] === label ? 1 : 0;
      }
    } else high.fill(0);
    highEdges.fill(0);
    for (let y = 0; y <= height; y++) {
      // The four corners to the right are those to the left of the next cell.
      let left = 0;
      for (let x = 0; x <= width; x++) {
        const i = x + row * y;
        const j = i + row;
        const right = low[i + 1] | (low[j + 1] << 2) | (high[i + 1] << 4) | (high[j + 1] << 6);
        const code = left | (right << 1);
        left = right;
        if (code !== 0 && code !== 255) addCell(code, i, x, y, z);
      }
    }
    [low, high] = [high, low];
    [lowEdges, highEdges] = [highEdges, lowEdges];
  }
  const mesh = { positionsRas: positions.taken(), triangles: triangles.taken() };
  if (affineDeterminant(affine) < 0) turnInsideOut(mesh.triangles);
  return mesh;
}

/** Volume in cubic millimetres and centre of mass of what a closed surface holds (divergence theorem). */
export function meshMoments(mesh: Mesh): { readonly volumeMm3: number; readonly centroidRas: Vec3 } {
  const { positionsRas: p, triangles } = mesh;
  // Seen from a point of the mesh: far from the origin nothing is lost to rounding.
  const [ox, oy, oz] = p;
  let volume = 0;
  const sum = [0, 0, 0];
  for (let n = 0; n < triangles.length; n += 3) {
    const a = 3 * triangles[n];
    const b = 3 * triangles[n + 1];
    const c = 3 * triangles[n + 2];
    const [ax, ay, az] = [p[a] - ox, p[a + 1] - oy, p[a + 2] - oz];
    const [bx, by, bz] = [p[b] - ox, p[b + 1] - oy, p[b + 2] - oz];
    const [cx, cy, cz] = [p[c] - ox, p[c + 1] - oy, p[c + 2] - oz];
    const six = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx);
    volume += six / 6;
    sum[0] += (six / 24) * (ax + bx + cx);
    sum[1] += (six / 24) * (ay + by + cy);
    sum[2] += (six / 24) * (az + bz + cz);
  }
  return { volumeMm3: volume, centroidRas: [ox + sum[0] / volume, oy + sum[1] / volume, oz + sum[2] / volume] };
}

/**
 * Smoothing that does not shrink (Taubin 1995): each step moves every vertex towards the mean of its neighbours by
 * 0.5, then away from it by 0.53. Labels that touch are smoothed each by itself and may part or overlap a little.
 *
 * @param steps 10 takes the stairs of voxels away
 */
export function smoothMesh(mesh: Mesh, steps: number): Mesh {
  const { triangles } = mesh;
  const positions = Float64Array.from(mesh.positionsRas);
  const sums = new Float64Array(positions.length);
  const neighbours = new Uint32Array(positions.length / 3);
  for (const vertex of triangles) neighbours[vertex]++;
  for (let step = 0; step < 2 * steps; step++) {
    const share = step % 2 === 0 ? 0.5 : -0.53;
    sums.fill(0);
    // In a closed surface each edge is walked once in each direction: every neighbour is added once.
    for (let n = 0; n < triangles.length; n++) {
      const from = 3 * triangles[n];
      const to = 3 * triangles[n % 3 === 2 ? n - 2 : n + 1];
      sums[from] += positions[to];
      sums[from + 1] += positions[to + 1];
      sums[from + 2] += positions[to + 2];
    }
    for (let i = 0; i < positions.length; i++) {
      positions[i] += share * (sums[i] / neighbours[Math.floor(i / 3)] - positions[i]);
    }
  }
  return { positionsRas: positions, triangles };
}

function turnInsideOut(triangles: Uint32Array): void {
  for (let n = 0; n < triangles.length; n += 3) {
    const second = triangles[n + 1];
    triangles[n + 1] = triangles[n + 2];
    triangles[n + 2] = second;
  }
}

class GrowingFloats {
  #values = new Float64Array(3072);
  #length = 0;

  /** @returns where the three were put */
  push(a: number, b: number, c: number): number {
    const at = this.#length;
    if (at + 3 > this.#values.length) {
      const larger = new Float64Array(2 * this.#values.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[at] = a;
    this.#values[at + 1] = b;
    this.#values[at + 2] = c;
    this.#length = at + 3;
    return at;
  }

  taken(): Float64Array {
    return this.#values.slice(0, this.#length);
  }
}

class GrowingInts {
  #values = new Uint32Array(3072);
  #length = 0;

  push(a: number, b: number, c: number): void {
    const at = this.#length;
    if (at + 3 > this.#values.length) {
      const larger = new Uint32Array(2 * this.#values.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[at] = a;
    this.#values[at + 1] = b;
    this.#values[at + 2] = c;
    this.#length = at + 3;
  }

  taken(): Uint32Array {
    return this.#values.slice(0, this.#length);
  }
}
