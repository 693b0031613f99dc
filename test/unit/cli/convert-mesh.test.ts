import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { convert } from "#src/cli/convert.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import type { Affine, Size3, Vec3 } from "#src/imaging/affine.js";
import { labelMoments } from "#src/imaging/label-moments.js";
import { meshMoments } from "#src/imaging/label-surface.js";

const python = process.env.PYTHON ?? "python3";
const hasTrimesh = spawnSync(python, ["-c", "import trimesh, networkx"]).status === 0;

const SIZE: Size3 = [24, 20, 18];
/** Oblique, with three spacings and mirrored x. */
const affineRas: Affine = [-1.2, 0.3, 0, 50, 0.3, 1.2, 0, -70, 0, 0, 2.5, 11];
const grid = { size: SIZE, affineRas, spacingMm: [1.24, 1.24, 2.5] as const };
/** A ball of 1 with a cap of 7 on it that reaches the volume's border. */
const labels = Uint8Array.from({ length: 24 * 20 * 18 }, (_, i) => {
  const [x, y, z] = [i % 24, Math.floor(i / 24) % 20, Math.floor(i / 480)];
  if (Math.hypot(x - 11, y - 9, z - 8) < 6.4) return 1;
  return z > 13 && x > 5 && y > 4 ? 7 : 0;
});
const moments = labelMoments(labels, SIZE, affineRas, 7);
const voxelMm3 = (1.2 * 1.2 + 0.3 * 0.3) * 2.5;

let folder: string;
const at = (name: string): string => join(folder, name);
const run = async (out: string, flags: { smooth?: number; labels?: number[] } = {}, input = "labels.nii") => {
  const silent = [vi.spyOn(console, "log"), vi.spyOn(console, "error")].map((spy) => spy.mockImplementation(() => {}));
  try {
    return await convert(at(input), at(out), flags);
  } finally {
    for (const spy of silent) spy.mockRestore();
  }
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mesh-"));
  await writeFile(at("labels.nii"), writeNifti({ ...grid, data: labels }));
  await writeFile(at("zeros.nii"), writeNifti({ ...grid, data: new Uint8Array(labels.length) }));
  await writeFile(at("image.nii"), writeNifti({ ...grid, data: Float32Array.from(labels, (value) => value / 3) }));
  await writeFile(at("nowhere.nii"), writeNifti({ ...grid, spacingMm: null, data: labels }));
});

/** Volume and centre, in the file's own space, from its bytes. */
function momentsOfStl(bytes: Buffer): { volumeMm3: number; centroidRas: Vec3 } {
  const count = bytes.readUInt32LE(80);
  expect(bytes).toHaveLength(84 + 50 * count);
  const positionsRas = Float64Array.from({ length: 9 * count }, (_, i) =>
    bytes.readFloatLE(84 + 50 * Math.floor(i / 9) + 12 + 4 * (i % 9)),
  );
  return meshMoments({ positionsRas, triangles: Uint32Array.from({ length: 3 * count }, (_, i) => i) });
}

describe("label maps as surfaces", () => {
  it("writes one STL a label, in millimetres of LPS, where the label map has it", async () => {
    expect(await run("out.stl")).toEqual([at("out-label-1.stl"), at("out-label-7.stl")]);
    for (const label of [1, 7]) {
      const bytes = await readFile(at(`out-label-${label}.stl`));
      expect(bytes.toString("latin1", 0, 80)).toContain("SPACE=LPS");
      const { volumeMm3, centroidRas: lps } = momentsOfStl(bytes);
      const { voxels = 0, centroidRas } = moments[label - 1] ?? {};
      expect(Math.abs(volumeMm3 / (voxels * voxelMm3) - 1)).toBeLessThan(0.05);
      expect(Math.hypot(...[-lps[0], -lps[1], lps[2]].map((v, n) => v - (centroidRas?.[n] ?? 0)))).toBeLessThan(0.1);
    }
  });

  it("writes one GLB whose nodes stand in metres, y up, facing z", async () => {
    expect(await run("out.glb")).toEqual([at("out.glb")]);
    const bytes = await readFile(at("out.glb"));
    expect([bytes.toString("latin1", 0, 4), bytes.readUInt32LE(4), bytes.readUInt32LE(8)]).toEqual([
      "glTF",
      2,
      bytes.length,
    ]);
    const json = JSON.parse(bytes.toString("utf8", 20, 20 + bytes.readUInt32LE(12)));
    expect(json.nodes.map((node: { name: string }) => node.name)).toEqual(["patient (RAS, mm)", "label-1", "label-7"]);
    const matrix = json.nodes[0].matrix;
    const place = ([x, y, z]: Vec3) => [0, 1, 2].map((n) => matrix[n] * x + matrix[n + 4] * y + matrix[n + 8] * z);
    expect(place([1000, 0, 0])).toEqual([-1, 0, 0]);
    expect(place([0, 1000, 0])).toEqual([0, 0, 1]);
    expect(place([0, 0, 1000])).toEqual([0, 1, 0]);
  });

  it("gives the same bytes again, and others when smoothed", async () => {
    const bytesOf = async (smooth?: number): Promise<string> => {
      await run("again.glb", smooth === undefined ? {} : { smooth });
      return (await readFile(at("again.glb"))).toString("base64");
    };
    expect(await bytesOf()).toBe(await bytesOf());
    expect(await bytesOf(10)).not.toBe(await bytesOf());
  });

  it.each([
    ["zeros.nii", "x.stl", {}, "holds only zeros"],
    ["image.nii", "x.stl", {}, "expected a label map"],
    ["nowhere.nii", "x.glb", {}, "how large a voxel is"],
    ["labels.nii", "x.obj", {}, "expected one of .nii"],
    ["labels.nii", "x.nii", { smooth: 3 }, "smoothing is for surfaces"],
  ])("refuses %s as %s %o and leaves nothing behind", async (input, out, flags, message) => {
    await expect(run(out, flags, input)).rejects.toMatchObject({
      code: "InputMismatch",
      message: expect.stringContaining(message),
    });
    expect(await readdir(folder)).not.toContain(out);
  });

  it("writes no STL for each of a hundred values, but for labels that are named", async () => {
    const many = Uint8Array.from(labels, (_, i) => (i % 24 < 2 ? 0 : 1 + (i % 100)));
    await writeFile(at("many.nii"), writeNifti({ ...grid, data: many }));
    await expect(run("many.stl", {}, "many.nii")).rejects.toMatchObject({
      code: "InputMismatch",
      message: expect.stringMatching(/^image holds 100 values, and each would be an STL file, expected .* at most 64/),
    });
    expect(await run("many.stl", { labels: [3, 4] }, "many.nii")).toEqual([
      at("many-label-3.stl"),
      at("many-label-4.stl"),
    ]);
    expect(await run("many.glb", {}, "many.nii")).toEqual([at("many.glb")]);
    await expect(run("none.stl", { labels: [200] }, "many.nii")).rejects.toThrow("holds none of the labels 200");
    await expect(run("labels-out.nii", { labels: [1] })).rejects.toThrow("--labels is for surfaces");
  });

  it.skipIf(!hasTrimesh)("is watertight and of the same place for trimesh (needs Python with trimesh)", async () => {
    const [one, seven] = await run("py.stl");
    await run("py.glb");
    const script = `
import sys, json, trimesh
out = []
for path in sys.argv[1:]:
    scene = trimesh.load_scene(path)
    mesh = scene.to_mesh()
    out.append([bool(mesh.is_watertight), bool(mesh.is_winding_consistent), mesh.volume, *mesh.center_mass])
print(json.dumps(out))`;
    const found = JSON.parse(
      execFileSync(python, ["-c", script, one ?? "", seven ?? "", at("py.glb")], { encoding: "utf8" }),
    );
    for (const [n, label] of [1, 7].entries()) {
      const ours = momentsOfStl(await readFile(at(`py-label-${label}.stl`)));
      expect(found[n].slice(0, 2)).toEqual([true, true]);
      expect(found[n][2] / ours.volumeMm3).toBeCloseTo(1, 4);
      for (const axis of [0, 1, 2]) expect(found[n][3 + axis]).toBeCloseTo(ours.centroidRas[axis] ?? 0, 2);
    }
    expect(found[2].slice(0, 2)).toEqual([true, true]);
    expect((found[2][2] * 1e9) / (found[0][2] + found[1][2])).toBeCloseTo(1, 4);
  });
});
