import { cp, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { writeNifti } from "#src/formats/nifti-write.js";
import { scanlane } from "../support/cli.js";
import { pointwiseNetwork } from "../support/onnx-file.js";

let trained: string;
let exported: string;
let models: string;

/** A trained model as nnU-Net leaves it, and what the workshop's export makes of it: label 1 where a voxel is above 0. */
beforeAll(async () => {
  const root = await mkdtemp(join(tmpdir(), "import-"));
  [trained, exported, models] = [join(root, "trained"), join(root, "exported"), join(root, "models")];
  for (const folder of [trained, join(exported, "golden"), models]) await mkdir(folder, { recursive: true });
  const kwargs = { order: 1, order_z: 0, force_separate_z: null };
  const plan = {
    spacing: [1, 1, 1],
    patch_size: [16, 16, 16],
    normalization_schemes: ["NoNormalization"],
    use_mask_for_norm: [false],
    resampling_fn_data: "resample_data_or_seg_to_shape",
    resampling_fn_data_kwargs: kwargs,
    resampling_fn_probabilities: "resample_data_or_seg_to_shape",
    resampling_fn_probabilities_kwargs: kwargs,
  };
  const documents = {
    [join(trained, "plans.json")]: {
      dataset_name: "Dataset001_Bright",
      plans_name: "nnUNetPlans",
      image_reader_writer: "SimpleITKIO",
      transpose_forward: [0, 1, 2],
      configurations: { "3d_fullres": plan },
      foreground_intensity_properties_per_channel: {},
    },
    [join(trained, "dataset.json")]: { channel_names: { 0: "noNorm" }, labels: { background: 0, bright: 1 } },
    [join(exported, "export.json")]: {
      configuration: "3d_fullres",
      folds: [{ file: "network.onnx", fold: "0" }],
      parameters: 4,
      mirroringAxes: [],
      postprocessing: [],
      parity: 0,
    },
  };
  for (const [path, value] of Object.entries(documents)) await writeFile(path, JSON.stringify(value));
  await writeFile(join(exported, "network.onnx"), pointwiseNetwork(3, [0, 1], [0, 0]));
  const grid = { size: [4, 4, 4], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1] } as const;
  const data = Float32Array.from({ length: 64 }, (_, i) => (i % 5) - 1.5);
  await writeFile(join(exported, "golden", "input.nii.gz"), writeNifti({ ...grid, data }));
  const labels = Uint8Array.from(data, (value) => (value > 0 ? 1 : 0));
  await writeFile(join(exported, "golden", "labels.nii.gz"), writeNifti({ ...grid, data: labels }));
});

const importAs = (id: string) =>
  scanlane(["import", "nnunet", trained, "--exported", exported, "--models", models, "--id", id]);

describe("scanlane import nnunet and verify", () => {
  it("makes a package that passes its golden case", async () => {
    expect(await importAs("bright")).toMatchObject({ code: 0 });
    const { code, stdout } = await scanlane(["verify", "bright", "--models", models]);
    expect(stdout).toContain("digests agree; golden: 0 of 64 voxels differ");
    expect(code).toBe(0);
  });

  it("imports a cascade after its first stage, and refuses it without", async () => {
    const root = await mkdtemp(join(tmpdir(), "cascade-"));
    const [second, network] = [join(root, "second"), join(root, "network")];
    await cp(trained, second, { recursive: true });
    await cp(exported, network, { recursive: true });
    const read = async (path: string) => JSON.parse(await readFile(path, "utf8"));
    const plans = await read(join(second, "plans.json"));
    const plan = plans.configurations["3d_fullres"];
    plan.previous_stage = "3d_lowres";
    plan.resampling_fn_seg = plan.resampling_fn_data;
    plan.resampling_fn_seg_kwargs = plan.resampling_fn_data_kwargs;
    await writeFile(join(second, "plans.json"), JSON.stringify(plans));
    // Label 1 where the first stage has it: the image itself has no weight.
    await writeFile(join(network, "network.onnx"), pointwiseNetwork(3, [0, 0, 0, 1], [0.5, 0], 2));
    await importAs("lowres");
    const importSecond = (...more: string[]) =>
      scanlane(["import", "nnunet", second, "--exported", network, "--models", models, "--id", "cascade", ...more]);

    const without = await importSecond();
    expect(without.code).toBe(78);
    expect(without.stderr).toContain("a cascade (previous_stage 3d_lowres), expected --previous");
    const unknown = await importSecond("--previous", "nowhere");
    expect(unknown.stderr).toContain('model "nowhere" is not installed');
    expect(await importSecond("--previous", "lowres")).toMatchObject({ code: 0 });
    const { code, stdout } = await scanlane(["verify", "cascade", "--models", models]);
    expect(stdout).toContain("golden: 0 of 64 voxels differ");
    expect(code).toBe(0);
  });

  it("leaves a model that is there alone", async () => {
    await importAs("twice");
    const before = await readFile(join(models, "twice", "manifest.json"));
    const again = await importAs("twice");
    expect(again.code).toBe(78);
    expect(again.stderr).toContain("model twice is there already");
    expect(await readFile(join(models, "twice", "manifest.json"))).toEqual(before);
  });

  it("finds changed weights and a reference that is not met", async () => {
    await importAs("changed");
    const network = join(models, "changed", "network.onnx");
    await writeFile(network, pointwiseNetwork(3, [0, 1], [0, 1]));
    const digest = await scanlane(["verify", "changed", "--models", models]);
    expect(digest.code).toBe(78);
    expect(digest.stderr).toContain("ModelDigestMismatch");

    await importAs("missed");
    const labels = new Uint8Array(64).fill(1);
    const grid = { size: [4, 4, 4], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1] } as const;
    await writeFile(join(models, "missed", "golden", "labels.nii.gz"), writeNifti({ ...grid, data: labels }));
    const missed = await scanlane(["verify", "missed", "--models", models, "--json"]);
    expect(missed.code).toBe(78);
    expect(JSON.parse(missed.stdout)).toMatchObject({ golden: { passed: false, voxels: 64 } });
  });

  it("says which file is missing or wrong", async () => {
    const empty = await mkdtemp(join(tmpdir(), "empty-"));
    const { code, stderr } = await scanlane(["import", "nnunet", empty, "--models", models]);
    expect(code).toBe(78);
    expect(stderr).toContain("plans.json is not there, expected the folder of a trained model");
  });
});
