import { describe, expect, it } from "vitest";
import { manifestOfNnunet, type NnunetModel } from "#src/model/import/nnunet.js";
import { NnunetDataset, NnunetExport, NnunetPlans } from "#src/model/import/nnunet-files.js";

const kwargs = { is_seg: false, order: 3, order_z: 0, force_separate_z: null };
const full = {
  spacing: [5, 0.8, 0.7],
  patch_size: [14, 160, 192],
  normalization_schemes: ["CTNormalization"],
  use_mask_for_norm: [false],
  resampling_fn_data: "resample_data_or_seg_to_shape",
  resampling_fn_data_kwargs: kwargs,
  resampling_fn_seg: "resample_data_or_seg_to_shape",
  resampling_fn_seg_kwargs: { ...kwargs, is_seg: true, order: 1 },
  resampling_fn_probabilities: "resample_data_or_seg_to_shape",
  resampling_fn_probabilities_kwargs: { ...kwargs, order: 1 },
};
const intensity = { mean: 99, std: 39, percentile_00_5: -41, percentile_99_5: 176 };

function model(changes: {
  readonly plan?: Record<string, unknown>;
  readonly plans?: Record<string, unknown>;
  readonly dataset?: Record<string, unknown>;
  readonly exported?: Record<string, unknown>;
  readonly previous?: string;
}): NnunetModel {
  return {
    plans: NnunetPlans.parse({
      dataset_name: "Dataset902_Spleen",
      plans_name: "nnUNetPlans",
      image_reader_writer: "SimpleITKIO",
      transpose_forward: [0, 1, 2],
      configurations: { base: full, "3d_fullres": { inherits_from: "base", ...changes.plan } },
      foreground_intensity_properties_per_channel: { "0": intensity },
      ...changes.plans,
    }),
    dataset: NnunetDataset.parse({
      channel_names: { "0": "CT" },
      labels: { background: 0, spleen: 1 },
      ...changes.dataset,
    }),
    exported: NnunetExport.parse({
      configuration: "3d_fullres",
      folds: [
        { file: "network.onnx", fold: "0" },
        { file: "network-1.onnx", fold: "1" },
      ],
      parameters: 12,
      mirroringAxes: [0, 2],
      postprocessing: [[1]],
      parity: 1e-5,
      ...changes.exported,
    }),
    digests: ["a".repeat(64), "b".repeat(64)],
    id: "spleen",
    modalities: ["CT"],
    ...(changes.previous === undefined ? {} : { previous: changes.previous }),
  };
}

describe("manifestOfNnunet", () => {
  it("says what the plan says, in our order of axes", () => {
    expect(manifestOfNnunet(model({}))).toMatchObject({
      id: "spleen",
      network: {
        file: "network.onnx",
        dimensions: 3,
        classes: 2,
        folds: [{ file: "network-1.onnx", sha256: "b".repeat(64) }],
        parameters: 24,
      },
      orientation: "source",
      axes: ["x", "y", "z"],
      spacingMm: [0.7, 0.8, 5],
      crop: "nonzero",
      channels: [{ name: "CT", normalisation: { kind: "ct", low: -41, high: 176, mean: 99, sd: 39 } }],
      resampling: { imageOrder: 3, logitsOrder: 1, separateZ: "auto" },
      precision: "float16",
      tiles: { patchVox: [192, 160, 14], stepFraction: 0.5, placing: "even", blending: "gaussian" },
      mirrorAxes: ["z", "x"],
      activation: "softmax",
      labels: [{ value: 1, name: "spleen", displayName: "spleen" }],
      postprocess: [{ kind: "largest-component", labels: [1], connectivity: 26, ties: "all" }],
    });
  });

  it("follows the plan's transposition and a reader that reorients", () => {
    const turned = manifestOfNnunet(
      model({ plans: { transpose_forward: [1, 0, 2], image_reader_writer: "NibabelIOWithReorient" } }),
    );
    expect(turned).toMatchObject({ axes: ["x", "z", "y"], orientation: "RAS" });
  });

  it("makes a 2-D configuration a model of slices", () => {
    const flat = manifestOfNnunet(
      model({ plan: { spacing: [0.8, 0.7], patch_size: [160, 192] }, exported: { mirroringAxes: [0, 1] } }),
    );
    expect(flat).toMatchObject({
      network: { dimensions: 2 },
      spacingMm: [0.7, 0.8, null],
      tiles: { patchVox: [192, 160, 1] },
      mirrorAxes: ["y", "x"],
    });
  });

  it.each([
    ["ZScoreNormalization", [true], { kind: "zscore", mask: "foreground" }],
    ["ZScoreNormalization", [false], { kind: "zscore", mask: "none" }],
    ["RescaleTo01Normalization", [false], { kind: "rescale01" }],
    ["RGBTo01Normalization", [false], { kind: "range", from: [0, 255], to: [0, 1], clip: false }],
    ["NoNormalization", [false], { kind: "none" }],
  ])("knows %s with mask %j", (scheme, mask, normalisation) => {
    const made = manifestOfNnunet(model({ plan: { normalization_schemes: [scheme], use_mask_for_norm: mask } }));
    expect(made.channels[0]?.normalisation).toEqual(normalisation);
  });

  it("makes the second stage of a cascade ask the first for every label, those of regions too", () => {
    const plan = { previous_stage: "3d_lowres" };
    expect(manifestOfNnunet(model({ plan, previous: "lowres" })).previous).toEqual({ model: "lowres", labels: [1] });
    const labels = { background: 0, whole: [2, 1], core: [2, 3], ignore: 4 };
    const regions = model({
      plan,
      previous: "lowres",
      dataset: { labels, regions_class_order: [1, 2] },
      exported: { postprocessing: [] },
    });
    expect(manifestOfNnunet(regions).previous?.labels).toEqual([1, 2, 3]);
  });

  it("takes regions in their order, and leaves an ignored label out", () => {
    const labels = { background: 0, whole: [1, 2], core: [2], ignore: 3 };
    const made = manifestOfNnunet(
      model({ dataset: { labels, regions_class_order: [1, 2] }, exported: { postprocessing: [] } }),
    );
    expect(made.activation).toEqual({ regions: [1, 2] });
    expect(made.network.classes).toBe(2);
    expect(made.labels.map(({ name, value }) => [name, value])).toEqual([
      ["whole-without-core", 1],
      ["core", 2],
    ]);
  });

  it.each([
    [{ whole: [1, 2, 3], core: [2, 3], enhancing: [3] }, ["whole without core", "core without enhancing", "enhancing"]],
    [{ whole: [1, 2, 3], cyst: [2], core: [3] }, ["whole without cyst and core", "cyst", "core"]],
    [{ left: [1, 2], right: [2, 3] }, ["left without right", "right"]],
    [{ liver: [1], vessels: [2, 3] }, ["liver", "vessels"]],
  ])("names what the value of a region holds where later ones are written over it: %j", (regions, expected) => {
    const order = Object.keys(regions).map((_, n) => n + 1);
    const dataset = { labels: { background: 0, ...regions }, regions_class_order: order };
    const { labels } = manifestOfNnunet(model({ dataset, exported: { postprocessing: [] } }));
    expect(labels.map(({ displayName }) => displayName)).toEqual(expected);
    expect(labels.map(({ name }) => name)).toEqual(expected.map((name) => name.replaceAll(" ", "-")));
  });

  it("tells labels apart whose short names are the same", () => {
    const { labels } = manifestOfNnunet(model({ dataset: { labels: { background: 0, "GTV+": 1, "GTV-": 2 } } }));
    expect(labels.map(({ name }) => name)).toEqual(["gtv-1", "gtv-2"]);
  });

  it.each([
    [{ plan: { normalization_schemes: ["MyNormalization"] } }, "normalisation MyNormalization"],
    [{ plan: { resampling_fn_data: "resample_torch_fornnunet" } }, "resampling function resample_torch_fornnunet"],
    [{ plan: { resampling_fn_data_kwargs: { ...kwargs, order: 2 } } }, "order 2 of data"],
    [{ plan: { resampling_fn_data_kwargs: { ...kwargs, order_z: 1 } } }, "order_z 1, 0"],
    [{ plan: { resampling_fn_data_kwargs: { ...kwargs, force_separate_z: true } } }, "force_separate_z true, "],
    [{ plan: { previous_stage: "3d_lowres" } }, "a cascade (previous_stage 3d_lowres), expected --previous"],
    [{ previous: "lowres" }, "the plan has no previous_stage, expected one with --previous lowres"],
    [
      { plan: { previous_stage: "3d_lowres", resampling_fn_seg: "resample_torch_fornnunet" }, previous: "lowres" },
      "resampling function resample_torch_fornnunet of segmentations",
    ],
    [
      { plan: { previous_stage: "3d_lowres", resampling_fn_seg_kwargs: kwargs }, previous: "lowres" },
      "order 3, order_z 0 of segmentations",
    ],
    [{ plan: { inherits_from: "nowhere" } }, "configuration nowhere, which the plan has not"],
    [{ plans: { image_reader_writer: "Tiff3DIO" } }, "image_reader_writer Tiff3DIO"],
    [{ plans: { foreground_intensity_properties_per_channel: {} } }, "CTNormalization of channel 0 without"],
    [{ dataset: { labels: { background: 0, a: [1], b: [2] } } }, "regions_class_order of 0 for 2 regions"],
  ])("refuses by name: %j", (changes, what) => {
    expect(() => manifestOfNnunet(model(changes))).toThrow(
      expect.objectContaining({ code: "ModelInvalid", message: expect.stringContaining(what) }),
    );
  });
});
