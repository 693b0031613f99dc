import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { MeasuredCost } from "#src/model/measured-cost.js";
import { scanlane } from "../support/cli.js";
import { pointwiseNetwork } from "../support/onnx-file.js";

const python = process.env.PYTHON ?? "python3";
const hasMonai = spawnSync(python, ["-c", "import monai.bundle, onnx, onnxruntime, nibabel, scipy"]).status === 0;

let root: string;
let models: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "import-"));
  models = join(root, "models");
});

describe("scanlane import monai", () => {
  it.skipIf(!hasMonai)(
    "makes a package that gives MONAI's labels, and takes changed values (needs MONAI)",
    async () => {
      const bundle = join(root, "made-up");
      execFileSync(python, ["test/support/make-bundle.py", bundle], { stdio: "ignore" });
      const import_ = (...more: string[]) =>
        scanlane(["import", "monai", bundle, "--models", models, "--python", python, ...more]);
      expect(await import_()).toMatchObject({ code: 0 });
      const manifest = JSON.parse(await readFile(join(models, "monai-made-up", "manifest.json"), "utf8"));
      expect(manifest).toMatchObject({
        version: "0.2.0",
        title: "Made up",
        channels: [{ name: "image", modalities: ["CT"] }],
        labels: [{ name: "a" }, { name: "b" }],
        spacingMm: [2, 1.2, 1.5],
        licence: { weights: "Apache License" },
      });
      const verified = await scanlane(["verify", "monai-made-up", "--models", models]);
      expect(verified.stdout).toMatch(/golden: 0 of \d+ voxels differ/);

      expect(await import_("--id", "other", "--set", "inferer#overlap=0.25")).toMatchObject({ code: 0 });
      const changed = JSON.parse(await readFile(join(models, "other", "manifest.json"), "utf8"));
      expect(changed.tiles.stepFraction).toBe(0.75);
      expect((await scanlane(["verify", "other", "--models", models])).stdout).toMatch(/golden: 0 of/);
    },
    60_000,
  );

  it.skipIf(!hasMonai).each([
    ["components that MONAI removes", ["largest"], { postprocess: [{ kind: "largest-component", labels: [1, 2] }] }],
    ["an ONNX file alone", ["onnx"], { network: { inputName: "x", parameters: expect.any(Number) } }],
    ["an ONNX file of one slice at a time", ["slices"], { network: { dimensions: 2, batch: 1 } }],
  ])(
    "makes a package that verify recognises of a bundle with %s (needs MONAI)",
    async (_, options, expected) => {
      const id = `made-${options.join("-")}`;
      execFileSync(python, ["test/support/make-bundle.py", join(root, id), ...options], { stdio: "ignore" });
      const args = ["import", "monai", join(root, id), "--models", models, "--python", python, "--id", id];
      expect(await scanlane(args)).toMatchObject({ code: 0, stderr: "" });
      expect(JSON.parse(await readFile(join(models, id, "manifest.json"), "utf8"))).toMatchObject(expected);
      const verified = await scanlane(["verify", id, "--models", models]);
      expect(verified.stdout).toMatch(/golden: 0 of \d+ voxels differ/);
      expect(verified.code).toBe(0);
    },
    60_000,
  );

  it("says which file is missing", async () => {
    const empty = await mkdtemp(join(tmpdir(), "empty-"));
    const { code, stderr } = await scanlane(["import", "monai", empty, "--models", models]);
    expect(code).toBe(78);
    expect(stderr).toContain("metadata.json is not there, expected the folder of a MONAI bundle");
  });
});

describe("scanlane import onnx", () => {
  const normalisation = { kind: "none" };

  it.each([
    [{ normalization: { kind: "rescale01" } }, 'field (root): Unrecognized key: "normalization"'],
    [{}, "field normalisation: is not said, expected how intensities were brought to the network's scale"],
  ])("refuses settings that do not say what it needs: %j", async (said, message) => {
    await writeFile(join(root, "some.onnx"), pointwiseNetwork(3, [0, 1], [0, -100]));
    await writeFile(join(root, "some.json"), JSON.stringify({ labels: ["bright"], patchVox: [16, 16, 16], ...said }));
    const args = ["import", "onnx", join(root, "some.onnx"), "--settings", join(root, "some.json")];
    const { code, stderr } = await scanlane([...args, "--models", models]);
    expect(stderr).toContain(message);
    expect(code).toBe(78);
  });

  it("makes a package that runs and that verify recognises", async () => {
    await writeFile(join(root, "bright.onnx"), pointwiseNetwork(3, [0, 1], [0, -100]));
    await writeFile(
      join(root, "bright.json"),
      JSON.stringify({ labels: ["bright"], patchVox: [16, 16, 16], normalisation }),
    );
    const args = ["import", "onnx", join(root, "bright.onnx"), "--settings", join(root, "bright.json")];
    expect(await scanlane([...args, "--models", models])).toMatchObject({ code: 0 });
    // What a run costs is measured by the way.
    const cost = MeasuredCost.parse(JSON.parse(await readFile(join(models, "bright", "cost.json"), "utf8")));
    expect(cost).toMatchObject({ shape: [1, 1, 16, 16, 16], secondsARun: expect.any(Number) });
    const { code, stdout } = await scanlane(["verify", "bright", "--models", models]);
    expect(stdout).toMatch(/digests agree; golden: 0 of 5832 voxels differ/);
    expect(code).toBe(0);
  });

  it("takes a 2-D network whose file fixes a batch of one, as PyTorch exports it", async () => {
    await writeFile(join(root, "fixed.onnx"), pointwiseNetwork(2, [0, 1], [0, -100], 1, "float32", [1, 32, 32]));
    await writeFile(
      join(root, "fixed.json"),
      JSON.stringify({ labels: ["bright"], modalities: ["MR"], normalisation }),
    );
    const args = ["import", "onnx", join(root, "fixed.onnx"), "--settings", join(root, "fixed.json")];
    expect(await scanlane([...args, "--models", models])).toMatchObject({ code: 0, stderr: "" });
    const cost = MeasuredCost.parse(JSON.parse(await readFile(join(models, "fixed", "cost.json"), "utf8")));
    expect(cost.shape).toEqual([1, 1, 32, 32]);
    expect((await scanlane(["verify", "fixed", "--models", models])).stdout).toMatch(/golden: 0 of \d+ voxels differ/);
    const out = join(root, "out");
    const run = ["run", join(models, "fixed", "golden", "input.nii.gz"), "--model", "fixed", "--models", models];
    const [outcome] = JSON.parse((await scanlane([...run, "--out", out, "--json"])).stdout).outcomes;
    expect(outcome.result.structures).toMatchObject([{ name: "bright", voxels: expect.any(Number) }]);
  });

  it("refuses a network that labels nothing, and leaves no package", async () => {
    await writeFile(join(root, "dark.onnx"), pointwiseNetwork(3, [0, 0], [1, 0]));
    await writeFile(
      join(root, "dark.json"),
      JSON.stringify({ labels: ["dark"], patchVox: [16, 16, 16], normalisation }),
    );
    const args = ["import", "onnx", join(root, "dark.onnx"), "--settings", join(root, "dark.json")];
    const { code, stderr } = await scanlane([...args, "--models", models]);
    expect(code).toBe(78);
    expect(stderr).toContain("labels no voxel of 20 phantoms");
    expect((await scanlane(["verify", "dark", "--models", models])).stderr).toContain("ModelUnknown");
  });
});
