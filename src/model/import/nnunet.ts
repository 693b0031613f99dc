import { PipelineError } from "#src/core/errors.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import type { CodedTerm, ModelManifest } from "#src/model/manifest.js";
import { importedLabels } from "./imported-labels.js";
import type { NnunetConfiguration, NnunetDataset, NnunetExport, NnunetPlans } from "./nnunet-files.js";
import { validManifest } from "./valid-manifest.js";

/** What the files of a trained nnU-Net model say, and what the user adds. */
export interface NnunetModel {
  readonly plans: NnunetPlans;
  readonly dataset: NnunetDataset;
  readonly exported: NnunetExport;
  /** Digest of each exported network, in the order of the folds. */
  readonly digests: readonly string[];
  readonly id: string;
  /** Modalities by which an image is recognised as unfit; none: any. */
  readonly modalities: readonly string[];
  /** The model that the previous stage of a cascade was imported as. */
  readonly previous?: string;
  /** Coded terms of labels by their name. */
  readonly terms?: Readonly<Record<string, { readonly category?: CodedTerm; readonly type?: CodedTerm }>>;
}

/**
 * The manifest of a trained nnU-Net v2 model: stored axes and the plan's transposition, crop to non-zero, its schemes,
 * resampling with separate z, even tiles with half-precision Gaussian weights, mirroring as the checkpoint allows it;
 * the second stage of a cascade with every label of the first as a channel.
 *
 * @throws {PipelineError} `ModelInvalid` naming what is not supported, by its name in the plan
 */
export function manifestOfNnunet(model: NnunetModel): ModelManifest {
  const { plans, dataset, exported, id } = model;
  const plan = configurationOf(plans, exported.configuration);
  const { spacing, patch_size: patch } = plan;
  if (spacing === undefined || patch === undefined) throw unsupported("a plan without spacing or patch_size");
  const dimensions = patch.length === 3 ? 3 : 2;
  const orientation = readerOrientation(plans.image_reader_writer);
  const [first, ...others] = exported.folds;
  const { labels, activation, classes } = labelsOf(model);

  return validManifest("the plan", {
    schemaVersion: SCHEMA_VERSION,
    id,
    version: "1.0.0",
    title: `${plans.dataset_name}, nnU-Net ${exported.configuration}`,
    description: `Imported from a trained nnU-Net v2 model (${plans.plans_name}, ${exported.configuration}, folds ${exported.folds.map(({ fold }) => fold).join(", ")}).`,
    network: {
      file: first?.file,
      sha256: model.digests[0],
      folds: others.map(({ file }, n) => ({ file, sha256: model.digests[n + 1] })),
      inputName: "image",
      outputName: "logits",
      dimensions,
      classes,
      parameters: exported.parameters * exported.folds.length,
    },
    channels: channelsOf(model, plan),
    ...previousOf(model, plan),
    orientation,
    axes: [2, 1, 0].map((axis) => "zyx"[plans.transpose_forward[axis] ?? axis]),
    spacingMm: dimensions === 3 ? spacing.toReversed() : [...spacing.toReversed(), null],
    crop: "nonzero",
    resampling: resamplingOf(plan),
    precision: "float16",
    tiles: {
      patchVox: dimensions === 3 ? patch.toReversed() : [...patch.toReversed(), 1],
      stepFraction: 0.5,
      placing: "even",
      blending: "gaussian",
    },
    mirrorAxes: exported.mirroringAxes.map((axis) => (dimensions === 3 ? "zyx"[axis] : "yx"[axis])),
    activation,
    labels,
    postprocess: exported.postprocessing.map((union) => ({ kind: "largest-component", labels: union })),
    licence: { weights: dataset.licence ?? dataset.license ?? "unknown" },
    trainingData: [{ name: plans.dataset_name, licence: dataset.licence ?? dataset.license ?? "unknown" }],
    scores: [],
    golden: {
      input: "golden/input.nii.gz",
      labels: "golden/labels.nii.gz",
      tolerance: 1e-3,
      reason:
        "labels of nnU-Net itself; convolutions and normalisation sum in another order, which moves logits by up to 1e-4",
    },
  });
}

/** A configuration with what it inherits. */
function configurationOf(plans: NnunetPlans, name: string): NnunetConfiguration {
  const seen = new Set<string>();
  let merged: NnunetConfiguration = {};
  for (let next: string | undefined = name; next !== undefined; ) {
    const found: NnunetConfiguration | undefined = plans.configurations[next];
    if (found === undefined || seen.has(next)) throw unsupported(`configuration ${next}, which the plan has not`);
    seen.add(next);
    merged = { ...found, ...merged };
    next = found.inherits_from;
  }
  return merged;
}

function previousOf({ previous, dataset }: NnunetModel, plan: NnunetConfiguration): Pick<ModelManifest, "previous"> {
  const stage = plan.previous_stage ?? null;
  if (stage === null && previous !== undefined) {
    throw new PipelineError("ModelInvalid", `the plan has no previous_stage, expected one with --previous ${previous}`);
  }
  if (stage === null) return {};
  if (previous === undefined) {
    throw new PipelineError(
      "ModelInvalid",
      `the nnU-Net model is a cascade (previous_stage ${stage}), expected --previous <the model that stage is imported as>`,
    );
  }
  const kwargs = plan.resampling_fn_seg_kwargs;
  if (plan.resampling_fn_seg !== "resample_data_or_seg_to_shape") {
    throw unsupported(`resampling function ${plan.resampling_fn_seg} of segmentations`);
  }
  const forced = plan.resampling_fn_data_kwargs?.force_separate_z;
  if (kwargs?.order !== 1 || kwargs.order_z !== 0 || kwargs.force_separate_z !== forced) {
    throw unsupported(`order ${kwargs?.order}, order_z ${kwargs?.order_z} of segmentations`);
  }
  // nnU-Net's `foreground_labels`: every number that a label or a region names, ascending.
  const values = Object.entries(dataset.labels).flatMap(([name, value]) => (name === "ignore" ? [] : value));
  const labels = [...new Set(values)].filter((value) => value !== 0).sort((a, b) => a - b);
  return { previous: { model: previous, labels } };
}

function readerOrientation(reader: string): "source" | "RAS" {
  if (["SimpleITKIO", "NibabelIO"].includes(reader)) return "source";
  if (["SimpleITKIOWithReorient", "NibabelIOWithReorient"].includes(reader)) return "RAS";
  throw unsupported(`image_reader_writer ${reader}`);
}

function resamplingOf(plan: NnunetConfiguration): ModelManifest["resampling"] {
  const data = plan.resampling_fn_data_kwargs;
  const logits = plan.resampling_fn_probabilities_kwargs;
  for (const name of [plan.resampling_fn_data, plan.resampling_fn_probabilities]) {
    if (name !== "resample_data_or_seg_to_shape") throw unsupported(`resampling function ${name}`);
  }
  if (data === undefined || logits === undefined) throw unsupported("a plan without resampling_fn_data_kwargs");
  const imageOrder = data.order;
  const logitsOrder = logits.order;
  if (imageOrder !== 0 && imageOrder !== 1 && imageOrder !== 3) throw unsupported(`order ${imageOrder} of data`);
  if (logitsOrder !== 0 && logitsOrder !== 1) throw unsupported(`order ${logitsOrder} of probabilities`);
  if (data.order_z !== 0 || logits.order_z !== 0) throw unsupported(`order_z ${data.order_z}, ${logits.order_z}`);
  const forced = [data.force_separate_z, logits.force_separate_z];
  if (forced[0] !== forced[1] || forced[0] === true) throw unsupported(`force_separate_z ${forced.join(", ")}`);
  const separateZ = forced[0] === null ? "auto" : "never";
  return { imageOrder, logitsOrder, separateZ, grid: "extents", of: "logits" };
}

function channelsOf({ plans, dataset, modalities }: NnunetModel, plan: NnunetConfiguration): unknown[] {
  const numbers = Object.keys(dataset.channel_names).sort((a, b) => Number(a) - Number(b));
  return numbers.map((number, n) => ({
    name: dataset.channel_names[number] ?? number,
    modalities: [...modalities],
    normalisation: normalisationOf(plan.normalization_schemes?.[n] ?? "", number, plan.use_mask_for_norm?.[n], plans),
  }));
}

function normalisationOf(scheme: string, channel: string, useMask: boolean | undefined, plans: NnunetPlans): unknown {
  switch (scheme) {
    case "CTNormalization": {
      const found = plans.foreground_intensity_properties_per_channel[channel];
      if (found === undefined) throw unsupported(`CTNormalization of channel ${channel} without its intensities`);
      const { percentile_00_5: low, percentile_99_5: high, mean, std: sd } = found;
      return { kind: "ct", low, high, mean, sd };
    }
    case "ZScoreNormalization":
      return { kind: "zscore", mask: useMask ? "foreground" : "none" };
    case "RescaleTo01Normalization":
      return { kind: "rescale01" };
    case "RGBTo01Normalization":
      return { kind: "range", from: [0, 255], to: [0, 1], clip: false };
    case "NoNormalization":
      return { kind: "none" };
    default:
      throw unsupported(`normalisation ${scheme}`);
  }
}

function labelsOf({ dataset, terms = {} }: NnunetModel): {
  labels: ModelManifest["labels"];
  activation: ModelManifest["activation"];
  classes: number;
} {
  const names = Object.entries(dataset.labels).filter(([name]) => name !== "ignore");
  const foreground = names.filter(([, value]) => value !== 0 && !(Array.isArray(value) && value.every((v) => v === 0)));
  const described = (name: string, value: number) => ({ value, name, ...terms[name] });
  if (!foreground.some(([, value]) => Array.isArray(value))) {
    const labels = foreground.map(([name, value]) => described(name, Number(value)));
    return { labels: importedLabels(labels), activation: "softmax", classes: names.length };
  }
  const order = dataset.regions_class_order ?? [];
  if (order.length !== foreground.length) {
    throw unsupported(`regions_class_order of ${order.length} for ${foreground.length} regions`);
  }
  const regions = foreground.map(([name, value]) => ({ name, values: [value].flat() }));
  const labels = regions.map((region, n) => described(nameOfRest(region, regions.slice(n + 1)), order[n] ?? 0));
  return { labels: importedLabels(labels), activation: { regions: order }, classes: order.length };
}

interface Region {
  readonly name: string;
  /** Values of the training labels that it is the union of. */
  readonly values: readonly number[];
}

/**
 * What a region's value holds in the label map, where later regions are written over it: "whole without core" is not
 * the whole. Of later regions that lie in one another the outermost are named.
 */
function nameOfRest({ name, values }: Region, later: readonly Region[]): string {
  const over = later.filter((other) => other.values.some((value) => values.includes(value)));
  const isInside = (one: Region, other: Region) =>
    other.values.length > one.values.length && one.values.every((value) => other.values.includes(value));
  const outermost = over.filter((one) => !over.some((other) => isInside(one, other)));
  if (outermost.length === 0) return name;
  return `${name} without ${outermost.map((other) => other.name).join(" and ")}`;
}

function unsupported(what: string): PipelineError {
  return new PipelineError("ModelInvalid", `the nnU-Net model has ${what}, which is not supported`);
}
