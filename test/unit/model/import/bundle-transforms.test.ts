import { describe, expect, it } from "vitest";
import { readInferer } from "#src/model/import/bundle-inferer.js";
import { readPostprocessing, readPreprocessing } from "#src/model/import/bundle-transforms.js";

const named = (target: string, values: object = {}) => ({ _target_: target, keys: "image", ...values });
const spacing = named("monai.transforms.Spacingd", { pixdim: [1.5, 2], mode: ["bilinear"] });
const softmax = named("Activationsd", { softmax: true });
const invert = named("Invertd", { nearest_interp: false });
const argmax = named("AsDiscreted", { argmax: true });
const keep = named("KeepLargestConnectedComponentd", { applied_labels: [1] });

describe("readPreprocessing", () => {
  it("reads orientation, spacing and intensities in their order", () => {
    const list = [
      named("LoadImaged"),
      named("Orientationd", { axcodes: "LPS" }),
      spacing,
      named("NormalizeIntensityd", { nonzero: true }),
      named("ScaleIntensityd", { minv: -1, maxv: 1 }),
      named("CropForegroundd", { _disabled_: true }),
    ];
    expect(readPreprocessing({ _target_: "Compose", transforms: list }, 1)).toEqual({
      orientation: "LPS",
      pixdim: [1.5, 2, 2],
      imageOrder: 1,
      normalisation: {
        kind: "chain",
        steps: [
          { kind: "zscore", mask: "nonzero" },
          { kind: "rescale01" },
          { kind: "range", from: [0, 1], to: [-1, 1], clip: false },
        ],
      },
      normaliseOn: "network",
    });
  });

  it("reads percentiles, and nothing as nothing", () => {
    const percentiles = { lower: 1, upper: 99, b_min: 0, b_max: 1, clip: true };
    const read = readPreprocessing([named("ScaleIntensityRangePercentilesd", percentiles)], 1);
    expect(read).toMatchObject({ normalisation: { kind: "percentile", low: 1, high: 99 }, normaliseOn: "source" });
    expect(readPreprocessing([], 1)).toMatchObject({ normalisation: { kind: "none" }, pixdim: null });
  });

  it.each<[string, unknown[], number, string]>([
    ["a transform that is not known", [named("CropForegroundd")], 1, "CropForegroundd"],
    ["an unknown resampling", [{ ...spacing, mode: "bicubic" }], 1, 'Spacingd with mode "bicubic"'],
    ["aligned corners", [{ ...spacing, align_corners: true }], 1, "Spacingd with align_corners"],
    ["a range of spacings", [{ ...spacing, max_pixdim: 2 }], 1, "Spacingd with max_pixdim"],
    ["orientation last", [spacing, named("Orientationd", { axcodes: "RAS" })], 1, "Orientationd after Spacingd"],
    ["intensities first", [named("ScaleIntensityd"), spacing], 1, "intensities before Spacingd"],
    ["all channels at once", [named("ScaleIntensityd")], 2, "ScaleIntensityd over all channels at once"],
    ["a given mean", [named("NormalizeIntensityd", { subtrahend: 3 })], 1, "NormalizeIntensityd with subtrahend"],
    ["no list", [], 1, ""],
  ])("refuses %s", (_, list, channels, message) => {
    if (message === "") expect(() => readPreprocessing("$nothing", 1)).toThrow("preprocessing that is no list");
    else expect(() => readPreprocessing(list, channels)).toThrow(message);
  });
});

describe("readPostprocessing", () => {
  it("tells what is inverted: probabilities, logits or labels", () => {
    const read = (list: object[]) => readPostprocessing(list, [1, 2], true);
    expect(read([softmax, invert, argmax])).toMatchObject({ of: "probabilities", logitsOrder: 1 });
    expect(read([invert, softmax, argmax])).toMatchObject({ of: "logits", logitsOrder: 1 });
    expect(read([softmax, argmax, { ...invert, nearest_interp: true }])).toMatchObject({
      of: "logits",
      logitsOrder: 0,
    });
  });

  it("reads the largest component, of each label or of their union", () => {
    const steps = (values: object) =>
      readPostprocessing([softmax, invert, argmax, { ...keep, ...values }], [1, 2], true).steps;
    expect(steps({})).toEqual([
      { kind: "largest-component", labels: [1], connectivity: 26, scope: "label", ties: "first" },
    ]);
    expect(steps({ applied_labels: null, independent: false, connectivity: 1 })).toEqual([
      { kind: "largest-component", labels: [1, 2], connectivity: 6, scope: "union", ties: "first" },
    ]);
  });

  it.each<[string, object[], string]>([
    ["labels that are interpolated", [softmax, argmax, invert], "Invertd that interpolates a label map"],
    ["no decision", [softmax, invert], "postprocessing without AsDiscreted"],
    ["no way back", [softmax, argmax], "postprocessing without Invertd after Spacingd"],
    ["components before the way back", [softmax, argmax, keep, { ...invert, nearest_interp: true }], "before Invertd"],
    ["any code", [softmax, invert, argmax, named("Lambdad", { func: "$lambda x: x" })], "Lambdad"],
    [
      "another threshold",
      [named("Activationsd", { sigmoid: true }), invert, named("AsDiscreted", { threshold: 0.3 })],
      "threshold 0.3",
    ],
  ])("refuses %s", (_, list, message) => {
    expect(() => readPostprocessing(list, [1, 2], true)).toThrow(message);
  });
});

describe("readInferer", () => {
  it("reads tiles, and slices", () => {
    const window = { _target_: "SlidingWindowInferer", roi_size: [8, 9, 10], overlap: 0.25 };
    expect(readInferer(window)).toEqual({
      dimensions: 3,
      roi: [8, 9, 10],
      tiles: { stepFraction: 0.75, placing: "shifted", blending: "constant", padding: "zero" },
    });
    expect(readInferer({ ...window, mode: "gaussian", padding_mode: "replicate" }).tiles).toMatchObject({
      blending: "gaussian-symmetric",
      padding: "edge",
    });
    expect(readInferer({ _target_: "SliceInferer", roi_size: [8, 9], spatial_dim: 2 }).dimensions).toBe(2);
  });

  it.each<[string, object, string]>([
    ["the whole at once", { _target_: "SimpleInferer" }, "the inferer SimpleInferer"],
    ["an inferer of the bundle's own", { _target_: "scripts.mine.Inferer" }, "the inferer Inferer"],
    ["another sigma", { _target_: "SlidingWindowInferer", roi_size: [8, 8, 8], sigma_scale: 0.2 }, "sigma_scale"],
    ["two lengths for three axes", { _target_: "SlidingWindowInferer", roi_size: [8, 8] }, "roi_size of 2 lengths"],
    ["slices across x", { _target_: "SliceInferer", roi_size: [8, 8], spatial_dim: 0 }, "spatial_dim"],
    [
      "an overlap for each axis",
      { _target_: "SlidingWindowInferer", roi_size: [8, 8, 8], overlap: [0.1, 0.2, 0.1] },
      "an overlap of its own",
    ],
  ])("refuses %s", (_, inferer, message) => {
    expect(() => readInferer(inferer)).toThrow(message);
  });
});
