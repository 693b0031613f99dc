import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import type { Size3 } from "#src/imaging/affine.js";
import { scanlane } from "../support/cli.js";
import { pointwiseNetwork } from "../support/onnx-file.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";
import { zipOf } from "../support/zip-builder.js";

const size: Size3 = [6, 5, 4];
const affineRas = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] as const;
const count = 6 * 5 * 4;
const first = Float32Array.from({ length: count }, (_, i) => (i % 5) * 30);
const second = Float32Array.from({ length: count }, (_, i) => (i % 3) * 30);
const fileOf = (data: Float32Array, length: Size3 = size) =>
  writeNifti({ size: length, affineRas, spacingMm: [1, 1, 1], data });

let models: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "channels-"));
  // Label 1 where the first channel is more than 50 above the second.
  const difference = pointwiseNetwork(3, [0, 0, 1, -1], [0, -50], 2);
  const [channel] = brightManifest(difference).channels;
  if (channel === undefined) throw new Error("a model has a channel");
  const bright = brightNetwork();
  const after = pointwiseNetwork(3, [0, 0, 1, -1000], [0, -50], 2);
  models = await modelsFolderWith([
    {
      manifest: { ...brightManifest(difference), id: "difference", channels: [channel, channel] },
      network: difference,
    },
    { manifest: brightManifest(bright), network: bright },
    {
      manifest: { ...brightManifest(after), id: "cascade", previous: { model: "bright3d", labels: [1] } },
      network: after,
    },
  ]);
});

async function run(model: string, path: string) {
  const out = await mkdtemp(join(tmpdir(), "channels-out-"));
  const { code, stdout } = await scanlane(["run", path, "--models", models, "--model", model, "--out", out, "--json"]);
  const outcome = JSON.parse(stdout || "null")?.outcomes?.[0];
  const labels =
    outcome?.kind === "published" ? [...readNifti(await readFile(join(outcome.folder, "labels.nii.gz"))).data] : [];
  return { code, labels, outcome };
}

async function upload(name: string, files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const path = join(folder, `${name}.zip`);
  await writeFile(path, await zipOf(Object.entries(files).map(([file, bytes]) => ({ name: file, bytes }))));
  return path;
}

describe("scanlane run with models of several images or stages", () => {
  it("reads several files as channels, in the order of their names, and calls another order another result", async () => {
    const [one, other] = await Promise.all([
      upload("a", { "case_0001.nii": fileOf(second), "case_0000.nii": fileOf(first) }).then((path) =>
        run("difference", path),
      ),
      upload("b", { "case_0001.nii": fileOf(first), "case_0000.nii": fileOf(second) }).then((path) =>
        run("difference", path),
      ),
    ]);
    expect(one.labels).toEqual([...first].map((value, i) => (value - (second[i] ?? 0) > 50 ? 1 : 0)));
    expect(other.labels).toEqual([...first].map((value, i) => ((second[i] ?? 0) - value > 50 ? 1 : 0)));
    expect(one.outcome.result.identity).not.toBe(other.outcome.result.identity);
  });

  it("sets aside an upload whose channels lie on other grids", async () => {
    const short = fileOf(second.subarray(0, 6 * 5 * 3), [6, 5, 3]);
    const { code, outcome } = await run(
      "difference",
      await upload("c", { "a_0000.nii": fileOf(first), "a_0001.nii": short }),
    );
    expect(code).toBe(65);
    expect(outcome.record).toMatchObject({
      code: "InputMismatch",
      message: "channel 1 (entry 1) has 6 x 5 x 3 voxels, expected 6 x 5 x 4 as channel 0",
    });
  });

  it("runs a cascade from end to end", async () => {
    const path = join(folder, "plain.nii");
    await writeFile(path, fileOf(first));
    // Above 50, and not where the first stage sees more than 100.
    const { labels } = await run("cascade", path);
    expect(labels).toEqual([...first].map((value) => (value > 50 && value <= 100 ? 1 : 0)));
  });
});
