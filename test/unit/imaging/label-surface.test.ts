import { describe, expect, it } from "vitest";
import type { Affine, Size3 } from "#src/imaging/affine.js";
import { labelBoxes } from "#src/imaging/label-boxes.js";
import { labelMoments } from "#src/imaging/label-moments.js";
import { labelSurface, type Mesh, meshMoments, smoothMesh } from "#src/imaging/label-surface.js";

const IDENTITY: Affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

function surface(labels: Uint8Array, size: Size3, label = 1, affine = IDENTITY): Mesh {
  const box = labelBoxes(labels, size, [label]).get(label);
  if (box === undefined) throw new Error("no such label");
  return labelSurface(labels, size, label, box, affine);
}

/** How many triangles each directed edge has, by the vertices' places: what merges equal points sees. */
function openEdges(mesh: Mesh): number {
  const place = (vertex: number): string => mesh.positionsRas.subarray(3 * vertex, 3 * vertex + 3).join();
  const edges = new Map<string, number>();
  for (let n = 0; n < mesh.triangles.length; n++) {
    const from = place(mesh.triangles[n] ?? 0);
    const to = place(mesh.triangles[n % 3 === 2 ? n - 2 : n + 1] ?? 0);
    edges.set(`${from}|${to}`, (edges.get(`${from}|${to}`) ?? 0) + 1);
  }
  let open = 0;
  for (const [edge, count] of edges) {
    if (count !== 1 || edges.get(edge.split("|").reverse().join("|")) !== 1) open++;
  }
  return open;
}

function make(size: Size3, label: (x: number, y: number, z: number) => number): Uint8Array {
  const [nx, ny] = size;
  return Uint8Array.from({ length: nx * ny * size[2] }, (_, i) =>
    label(i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))),
  );
}

describe("labelSurface", () => {
  it("makes an octahedron of one voxel, its normals outwards", () => {
    const mesh = surface(Uint8Array.of(1), [1, 1, 1]);
    expect(mesh.triangles).toHaveLength(24);
    expect(meshMoments(mesh).volumeMm3).toBeCloseTo(1 / 6, 12);
    expect(openEdges(mesh)).toBe(0);
  });

  it("cuts the corners of a box that fills the volume by what geometry says, in a mirrored grid too", () => {
    // Half a voxel around: a slope of 1/8 of a voxel lost along each edge, 5/6 - 3 * 1/4 of one eighth at corners.
    for (const sign of [1, -1]) {
      const affine: Affine = [2 * sign, 0, 0, 100, 0, 0.5, 0, -40, 0, 0, 3, 7];
      const mesh = surface(new Uint8Array(10 * 8 * 6).fill(1), [10, 8, 6], 1, affine);
      const { volumeMm3, centroidRas } = meshMoments(mesh);
      expect(openEdges(mesh)).toBe(0);
      expect(volumeMm3 / 3).toBeCloseTo(480 - (4 * (9 + 7 + 5)) / 8 - 8 * (1 / 8 - 1 / 48), 9);
      expect(centroidRas[0]).toBeCloseTo(100 + 9 * sign, 9);
      expect(centroidRas[2]).toBeCloseTo(7 + 7.5, 9);
    }
  });

  it("holds a ball to 1 % and its centre to a fiftieth of a voxel", () => {
    const size: Size3 = [31, 31, 31];
    const labels = make(size, (x, y, z) => (Math.hypot(x - 15, y - 15, z - 15) < 12.3 ? 1 : 0));
    const mesh = surface(labels, size);
    const voxels = labelMoments(labels, size, IDENTITY, 1)[0]?.voxels ?? 0;
    expect(Math.abs(meshMoments(mesh).volumeMm3 / voxels - 1)).toBeLessThan(0.01);
    expect(Math.hypot(...meshMoments(mesh).centroidRas.map((value) => value - 15))).toBeLessThan(0.02);
    expect(openEdges(mesh)).toBe(0);
  });

  it("shares the points where two labels touch", () => {
    const size: Size3 = [8, 4, 4];
    const labels = make(size, (x) => (x < 4 ? 1 : 2));
    const wall = (mesh: Mesh): string[] => {
      const points: string[] = [];
      for (let i = 0; i < mesh.positionsRas.length; i += 3) {
        if (mesh.positionsRas[i] === 3.5) points.push(mesh.positionsRas.subarray(i, i + 3).join());
      }
      return points.sort();
    };
    expect(wall(surface(labels, size, 1))).toHaveLength(16);
    expect(wall(surface(labels, size, 1))).toEqual(wall(surface(labels, size, 2)));
  });

  it("is closed, and within its bound, for every label map of noise", () => {
    let seed = 7;
    const random = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    for (let n = 0; n < 60; n++) {
      const size: Size3 = [5, 4, 6];
      const density = 0.1 + 0.013 * n;
      const labels = make(size, () => (random() < density ? 1 : 0));
      labels[0] = 1;
      const mesh = surface(labels, size);
      expect(openEdges(mesh)).toBe(0);
      const voxels = labels.reduce((sum, value) => sum + value, 0);
      expect(Math.abs(meshMoments(mesh).volumeMm3 - voxels)).toBeLessThanOrEqual((5 / 36) * faces(labels, size) + 1e-9);
    }
  });
});

/** Voxel faces between inside and outside. */
function faces(labels: Uint8Array, size: Size3): number {
  const [nx, ny, nz] = size;
  const at = (x: number, y: number, z: number): number =>
    x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz ? 0 : (labels[x + nx * (y + ny * z)] ?? 0);
  let count = 0;
  for (let z = 0; z <= nz; z++) {
    for (let y = 0; y <= ny; y++) {
      for (let x = 0; x <= nx; x++) {
        const own = at(x, y, z);
        for (const other of [at(x - 1, y, z), at(x, y - 1, z), at(x, y, z - 1)]) if (own !== other) count++;
      }
    }
  }
  return count;
}

describe("smoothMesh", () => {
  it("takes the stairs of a ball away without shrinking it", () => {
    const size: Size3 = [31, 31, 31];
    const labels = make(size, (x, y, z) => (Math.hypot(x - 15, y - 15, z - 15) < 12.3 ? 1 : 0));
    const mesh = surface(labels, size);
    const roughness = (of: Mesh): number => {
      let sum = 0;
      for (let i = 0; i < of.positionsRas.length; i += 3) {
        const radius = Math.hypot(...[0, 1, 2].map((n) => (of.positionsRas[i + n] ?? 0) - 15));
        sum += (radius - 12.3) ** 2;
      }
      return Math.sqrt((3 * sum) / of.positionsRas.length);
    };
    const smooth = smoothMesh(mesh, 10);
    expect(roughness(smooth)).toBeLessThan(0.7 * roughness(mesh));
    expect(Math.abs(meshMoments(smooth).volumeMm3 / meshMoments(mesh).volumeMm3 - 1)).toBeLessThan(0.01);
    expect(smoothMesh(mesh, 0)).toEqual(mesh);
  });
});
