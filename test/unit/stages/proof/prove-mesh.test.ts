import { describe, expect, it } from "vitest";
import { readGlb, readStl } from "#src/formats/mesh-read.js";
import { writeGlb, writeStl } from "#src/formats/mesh-write.js";
import { type Affine, composeAffine, type Size3 } from "#src/imaging/affine.js";
import { labelBoxes } from "#src/imaging/label-boxes.js";
import { labelSurface, type Mesh } from "#src/imaging/label-surface.js";
import { proveSurface } from "#src/stages/proof/prove-mesh.js";

const size: Size3 = [9, 8, 7];
// Oblique and mirrored, with another spacing along each axis.
const affineRas: Affine = [-0.8, 0.1, 0, 12, 0.05, 0.9, -0.3, -4, 0, 0.2, 2.5, 30];
const grid = { size, affineRas, spacingMm: [0.8, 0.93, 2.5] as const };

/** A block with a hole and a voxel apart, at the volume's border too. */
function phantom(): Uint8Array {
  const data = new Uint8Array(size[0] * size[1] * size[2]);
  const at = (x: number, y: number, z: number) => x + 9 * (y + 8 * z);
  for (let z = 0; z < 4; z++) for (let y = 1; y < 6; y++) for (let x = 2; x < 7; x++) data[at(x, y, z)] = 3;
  data[at(4, 3, 2)] = 0;
  data[at(8, 7, 6)] = 3;
  return data;
}

const surfaceOf = (labels: Uint8Array, affine = affineRas): Mesh => {
  const box = labelBoxes(labels, size, [3]).get(3);
  if (box === undefined) throw new Error("no label");
  return labelSurface(labels, size, 3, box, affine);
};

describe.each([
  ["STL", (mesh: Mesh) => readStl(writeStl(mesh))],
  ["GLB", (mesh: Mesh) => readGlb(writeGlb([{ name: "a", mesh }]))[0]?.corners ?? new Float64Array(0)],
])("proveSurface of %s", (_, through) => {
  const labels = phantom();

  it("takes a surface as it was made", () => {
    proveSurface(through(surfaceOf(labels)), 3, labels, grid);
  });

  it("takes no surface of other voxels", () => {
    const moved = labels.map((_, i) => labels[i - 1] ?? 0);
    const lost = labels.with(labels.lastIndexOf(3), 0);
    for (const other of [moved, lost, labels.toReversed()]) {
      expect(() => proveSurface(through(surfaceOf(other)), 3, labels, grid)).toThrow(/surface of structure 3 has/);
    }
  });

  it("takes no surface in another place, of another size or inside out", () => {
    for (const change of [
      [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0],
      [1, 0, 0, 0.2, 0, 1, 0, 0, 0, 0, 1, 0],
      [1.01, 0, 0, 0, 0, 1.01, 0, 0, 0, 0, 1.01, 0],
    ] as const) {
      const mesh = surfaceOf(labels, composeAffine(change, affineRas));
      expect(() => proveSurface(through(mesh), 3, labels, grid)).toThrow("no border");
    }
    const mesh = surfaceOf(labels);
    const turned = { ...mesh, triangles: mesh.triangles.toReversed() };
    expect(() => proveSurface(through(turned), 3, labels, grid)).toThrow("inside out");
  });

  it("takes no surface with a hole, a triangle twice or one turned over", () => {
    const mesh = surfaceOf(labels);
    const { triangles } = mesh;
    const [a = 0, b = 0, c = 0] = triangles;
    for (const other of [triangles.subarray(3), [a, b, c, ...triangles], [a, c, b, ...triangles.subarray(3)]]) {
      const changed = { ...mesh, triangles: Uint32Array.from(other) };
      expect(() => proveSurface(through(changed), 3, labels, grid)).toThrow("edges without just two triangles");
    }
  });
});

describe("the bytes of a surface", () => {
  const labels = phantom();
  const mesh = surfaceOf(labels);

  it("are not taken as STL unless they say that they are in LPS, or when cut short", () => {
    const bytes = writeStl(mesh);
    expect(() => readStl(bytes.subarray(0, -1))).toThrow("the written STL has");
    const text = Buffer.from(bytes);
    text.write("RAS", text.indexOf("LPS"), "latin1");
    expect(() => readStl(text)).toThrow("does not say that it is in LPS");
  });

  it("are taken as GLB where its nodes put them: in metres, y up", () => {
    const bytes = Buffer.from(writeGlb([{ name: "a", mesh }]));
    const changed = (from: string, to: string) => {
      const other = Buffer.from(bytes);
      other.write(to, other.indexOf(from), "latin1");
      return readGlb(other)[0]?.corners ?? new Float64Array(0);
    };
    const matrix = "[-0.001,0,0,0,0,0,0.001,0,0,0.001,0,0,0,0,0,1]";
    proveSurface(changed(matrix, matrix), 3, labels, grid);
    for (const other of [
      "[ 0.001,0,0,0,0,0,0.001,0,0,0.001,0,0,0,0,0,1]",
      "[-0.001,0,0,0,0,0.001,0,0,0,0,0.001,0,0,0,0,1]",
      "[-0.002,0,0,0,0,0,0.002,0,0,0.002,0,0,0,0,0,1]",
      "[-0.001,0,0,0,0,0,0.001,0,0,0.001,0,0,1,0,0,1]",
    ]) {
      expect(() => proveSurface(changed(matrix, other), 3, labels, grid)).toThrow("no border");
    }
    expect(() => readGlb(bytes.subarray(0, -4))).toThrow("the written GLB has");
    expect(() => changed('"SCALAR"', '"VEC2"  ')).toThrow("has no array 1 of SCALAR");
  });
});
