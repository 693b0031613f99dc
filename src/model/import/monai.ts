import { SCHEMA_VERSION } from "#src/core/versions.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { BundleConfig } from "./bundle-config.js";
import type { BundleExport, BundleMetadata } from "./bundle-files.js";
import { readInferer } from "./bundle-inferer.js";
import { readPostprocessing, readPreprocessing, unsupported } from "./bundle-transforms.js";
import { importedLabels } from "./imported-labels.js";
import { validManifest } from "./valid-manifest.js";

/** What the files of a MONAI bundle say, and what the user adds. */
export interface MonaiBundle {
  readonly metadata: BundleMetadata;
  readonly config: BundleConfig;
  readonly exported: BundleExport;
  /** Digest of the exported network. */
  readonly digest: string;
  readonly id: string;
  readonly licence: string;
  /** Modalities by which an image is recognised as unfit; none: as the metadata say. */
  readonly modalities: readonly string[];
}

/**
 * The manifest of a MONAI bundle: its order of steps (orientation, spacing, intensities), voxel centres kept in place
 * by resampling, tiles at a fixed distance, and what is brought back to the source (`Invertd`) before it is decided.
 *
 * MONAI's arrays have the image's x first and ours z: the network's axes are the image's, turned around.
 *
 * @throws {PipelineError} `ModelInvalid` naming what is not supported
 */
export function manifestOfMonai(bundle: MonaiBundle): ModelManifest {
  const { metadata, config, exported, id } = bundle;
  const input = onlyOne(metadata.network_data_format.inputs, "inputs");
  const output = onlyOne(metadata.network_data_format.outputs, "outputs");
  const { dimensions, roi, tiles } = readInferer(config.get("inferer"));
  const before = readPreprocessing(config.get("preprocessing"), input.num_channels);
  const isSigmoid = output.num_channels === 1;
  const values = isSigmoid ? [1] : Array.from({ length: output.num_channels - 1 }, (_, n) => n + 1);
  const after = readPostprocessing(config.get("postprocessing"), values, before.pixdim !== null);
  if ((after.activation === "sigmoid") !== isSigmoid) {
    throw unsupported(`${after.activation} of ${output.num_channels} channels`);
  }
  if (dimensions === 2 && before.pixdim !== null) throw unsupported("SliceInferer after Spacingd");

  const axes = dimensions === 3 ? ["z", "y", "x"] : ["y", "x", "z"];
  const spacing = before.pixdim ?? [null, null, null];
  const patch = dimensions === 3 ? roi.toReversed() : [...roi.toReversed(), 1];
  const source = metadata.data_source ?? "unknown";
  return validManifest("the bundle", {
    schemaVersion: SCHEMA_VERSION,
    id,
    version: /^\d+\.\d+\.\d+$/.test(metadata.version) ? metadata.version : "1.0.0",
    title: metadata.name ?? metadata.task ?? id,
    description: `${metadata.description} (imported from a MONAI bundle, version ${metadata.version})`,
    network: {
      file: exported.file,
      sha256: bundle.digest,
      inputName: exported.inputName,
      outputName: exported.outputName,
      dimensions,
      ...(dimensions === 2 && exported.batch !== undefined && { batch: exported.batch }),
      classes: output.num_channels,
      parameters: exported.parameters,
    },
    channels: Array.from({ length: input.num_channels }, (_, n) => ({
      name: input.channel_def[n] ?? `channel ${n}`,
      modalities: bundle.modalities.length > 0 ? [...bundle.modalities] : modalitiesOf(input.modality),
      normalisation: before.normalisation,
    })),
    orientation: before.orientation,
    axes,
    spacingMm: dimensions === 3 ? spacing.toReversed() : [null, null, null],
    crop: "none",
    normaliseOn: before.normaliseOn,
    resampling: {
      imageOrder: before.imageOrder,
      logitsOrder: after.logitsOrder,
      grid: "centres",
      of: after.of,
    },
    precision: "float32",
    tiles: { patchVox: patch, ...tiles },
    mirrorAxes: [],
    activation: isSigmoid ? { regions: [1] } : "softmax",
    labels: importedLabels(
      values.map((value) => ({ value, name: output.channel_def[isSigmoid ? 0 : value] ?? `label ${value}` })),
    ),
    postprocess: after.steps,
    licence: { weights: bundle.licence },
    trainingData: [{ name: source, licence: "unknown" }],
    scores: [],
    golden: {
      input: "golden/input.nii.gz",
      labels: "golden/labels.nii.gz",
      tolerance: 1e-3,
      reason:
        "labels of the bundle's own transforms and inferer in MONAI; sums in another order move logits by up to 1e-4",
    },
  });
}

/** Modalities of DICOM by the names that metadata use. */
function modalitiesOf(modality: string): string[] {
  const name = modality.toUpperCase();
  if (name === "CT") return ["CT"];
  return name === "MR" || name === "MRI" ? ["MR"] : [];
}

function onlyOne<T>(formats: Readonly<Record<string, T>>, what: string): T {
  const [one, ...others] = Object.values(formats);
  if (one === undefined || others.length > 0) throw unsupported(`${1 + others.length} ${what} of its network`);
  return one;
}
