import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import type { Affine, Size3 } from "#src/imaging/affine.js";
import { scanlane } from "../support/cli.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";

const size: Size3 = [20, 24, 18];
/** Oblique, anisotropic, with a flipped axis. */
const affineRas: Affine = [-0.8, 0.6, 0, 30, 0.6, 0.8, 0, -20, 0, 0, 2.5, 10];
const at = (x: number, y: number, z: number) => x + size[0] * (y + size[1] * z);

it("writes where the network is unsure, and scores of each structure, and refuses what cannot be told", async () => {
  const network = brightNetwork();
  const manifest = brightManifest(network);
  const models = await modelsFolderWith([
    { manifest, network },
    { manifest: { ...manifest, id: "mirrored", mirrorAxes: ["x"] }, network },
  ]);
  const data = new Float32Array(size[0] * size[1] * size[2]);
  // Three certain voxels of the structure, and one of which the network hardly knows.
  for (const [x, y, z] of [
    [3, 4, 5],
    [4, 4, 5],
    [5, 4, 5],
  ] as const)
    data[at(x, y, z)] = 200;
  data[at(6, 4, 5)] = 100 + Math.log(3);
  const folder = await mkdtemp(join(tmpdir(), "uncertainty-"));
  const volume = join(folder, "volume.nii");
  await writeFile(volume, writeNifti({ size, affineRas, spacingMm: [1, 1, 2.5], data }));
  const run = async (model: string, ...outputs: string[]) => {
    const out = await mkdtemp(join(tmpdir(), "uncertainty-out-"));
    const args = ["run", volume, "--models", models, "--model", model, "--out", out, "--json", "--outputs", ...outputs];
    return JSON.parse((await scanlane(args)).stdout).outcomes[0];
  };

  const [plain, unsure, both, refused] = await Promise.all([
    run("mirrored", "none"),
    run("bright3d", "uncertainty"),
    run("mirrored", "uncertainty", "disagreement"),
    run("bright3d", "disagreement"),
  ]);
  expect(Object.keys(plain.result.structures[0])).not.toContain("uncertainty");
  const namesOf = ({ result }: typeof plain) => result.files.map(({ name }: { name: string }) => name);
  expect(namesOf(plain)).toEqual(["labels.nii.gz", "report.json"]);
  expect(namesOf(unsure)).toEqual(["labels.nii.gz", "uncertainty.nii.gz", "report.json"]);
  expect(namesOf(both)).toEqual(["labels.nii.gz", "uncertainty.nii.gz", "disagreement.nii.gz", "report.json"]);
  expect(plain.result.identity).not.toBe(both.result.identity);

  const labels = readNifti(await readFile(join(both.folder, "labels.nii.gz")));
  const map = readNifti(await readFile(join(both.folder, "uncertainty.nii.gz")));
  expect([map.size, map.affineRas]).toEqual([labels.size, labels.affineRas]);
  const seen = Array.from(map.data).flatMap((value, i) => (value > 1e-6 ? [[i, value]] : []));
  expect(seen).toEqual([[at(6, 4, 5), expect.closeTo(0.8113, 3)]]);

  const [{ voxels, uncertainty, disagreement }] = both.result.structures;
  expect(voxels).toBe(4);
  expect(uncertainty).toEqual({ mean: expect.closeTo(0.2028, 3), share: 0.25, above: 0.5 });
  expect(disagreement).toEqual({ mean: 0, share: 0, above: 0.1 });
  expect(unsure.result.structures[0]).toMatchObject({ uncertainty });
  expect(unsure.result.structures[0]).not.toHaveProperty("disagreement");
  const report = await readFile(join(both.folder, "report.html"), "utf8");
  expect(report).toContain("Mean uncertainty (voxels above 0.5)");
  expect(report).toContain("0.203 (25.0 %)");
  expect(report).toContain("segment (cpu)");
  expect(both.run.stages.map(({ facts }: { facts: { provider?: string } }) => facts.provider)).toEqual([
    ...[undefined, "cpu", undefined, undefined],
  ]);
  expect(await readFile(join(plain.folder, "report.html"), "utf8")).not.toContain("uncertainty");

  expect(refused.record).toMatchObject({ code: "InputMismatch", step: "inspect" });
  expect(refused.record.message).toContain("expected at least two answers");
});
