import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { OnnxFacts, OnnxTensor } from "#src/model/onnx/facts.js";
import { importedLabels } from "./imported-labels.js";
import { validManifest } from "./valid-manifest.js";

const given = z.unknown().optional();

/** Settings that go into the manifest as they are. */
const MANIFEST_FIELDS = {
  version: given,
  title: given,
  description: given,
  orientation: given,
  axes: given,
  spacingMm: given,
  crop: given,
  normaliseOn: given,
  resampling: given,
  precision: given,
  mirrorAxes: given,
  activation: given,
  postprocess: given,
} satisfies Partial<Record<keyof ModelManifest, z.ZodType>>;

/**
 * What a user must say about a bare network: everything that its file does not. Fields as in a manifest, which checks
 * them.
 */
export const OnnxSettings = z.strictObject({
  ...MANIFEST_FIELDS,
  tiles: given,
  /** Names of the labels, from 1 on. */
  labels: z.array(z.string().min(1)).min(1),
  /** Along the network's x, y, z; needed where the network takes any size. */
  patchVox: z.array(z.int().min(1)).length(3).optional(),
  /** Asked for: a network on intensities of another scale than it was trained on gives labels all the same. */
  normalisation: z.unknown().refine((scheme) => scheme !== undefined, {
    message:
      'is not said, expected how intensities were brought to the network\'s scale; { "kind": "none" } for as they are',
  }),
  modalities: z.array(z.string()).default([]),
  licence: z.string().min(1).default("unknown"),
  trainingData: z.string().min(1).default("unknown"),
});
export type OnnxSettings = z.infer<typeof OnnxSettings>;

/**
 * The manifest of a bare ONNX network: names, channels, classes and a fixed tile from the file, the rest as the user
 * says, or plain: RAS, no resampling, tiles that overlap by half.
 *
 * @throws {PipelineError} `ModelInvalid` naming what the network or the settings do not fit
 */
export function manifestOfOnnx(
  facts: OnnxFacts,
  settings: OnnxSettings,
  named: { readonly id: string; readonly file: string; readonly digest: string },
): ModelManifest {
  const input = onlyOne(facts.inputs, "inputs");
  const output = onlyOne(facts.outputs, "outputs");
  const dimensions = input.shape.length - 2;
  if (dimensions !== 2 && dimensions !== 3) {
    throw misfit(`an input of ${input.shape.length} dimensions`, "[batch, channel, y, x] or [batch, channel, z, y, x]");
  }
  const channels = input.shape[1] ?? 1;
  const isSoftmax = settings.activation === undefined || settings.activation === "softmax";
  const classes = output.shape[1] ?? settings.labels.length + (isSoftmax ? 1 : 0);
  const [batch = null, , ...fixed] = input.shape;
  if (batch !== null && batch !== 1) throw misfit(`a fixed batch of ${batch}`, "1, or one that is open");
  const patchVox = settings.patchVox ?? patchOf(fixed, dimensions);
  assertTakes(fixed, patchVox);
  const labels = importedLabels(settings.labels.map((name, n) => ({ value: n + 1, name })));
  if (isSoftmax && classes !== labels.length + 1) {
    throw misfit(`${classes} output channels`, `${labels.length + 1}: background and ${labels.length} labels`);
  }
  const fields = Object.keys(MANIFEST_FIELDS) as (keyof typeof MANIFEST_FIELDS)[];
  const asGiven = fields.filter((field) => settings[field] !== undefined).map((field) => [field, settings[field]]);
  const tiles = z.looseObject({}).catch({}).parse(settings.tiles);
  return validManifest("the settings", {
    schemaVersion: SCHEMA_VERSION,
    id: named.id,
    version: "1.0.0",
    title: named.id,
    description: "Imported from an ONNX file.",
    network: {
      file: named.file,
      sha256: named.digest,
      inputName: input.name,
      outputName: output.name,
      dimensions,
      ...(dimensions === 2 && batch !== null && { batch }),
      classes,
      parameters: Math.max(1, facts.parameters),
    },
    channels: Array.from({ length: channels }, (_, n) => ({
      name: channels === 1 ? "image" : `channel ${n}`,
      modalities: settings.modalities,
      normalisation: settings.normalisation,
    })),
    orientation: "RAS",
    spacingMm: [null, null, null],
    crop: "none",
    resampling: { imageOrder: 1, logitsOrder: 1 },
    mirrorAxes: [],
    activation: "softmax",
    postprocess: [],
    ...Object.fromEntries(asGiven),
    tiles: { patchVox, stepFraction: 0.5, blending: "gaussian", ...tiles },
    labels,
    licence: { weights: settings.licence },
    trainingData: [{ name: settings.trainingData, licence: "unknown" }],
    scores: [],
    golden: {
      input: "golden/input.nii.gz",
      labels: "golden/labels.nii.gz",
      tolerance: 1e-3,
      reason: "labels of this engine when the file was imported: shows a change since then, and no fault of the import",
    },
  });
}

/** A fixed tile, from the file. */
function patchOf(fixed: readonly (number | null)[], dimensions: 2 | 3): number[] {
  const known = fixed.filter((length) => length !== null);
  if (known.length !== fixed.length) {
    throw misfit("an input of open size", "a tile in the settings: patchVox along x, y, z");
  }
  return dimensions === 3 ? known.toReversed() : [...known.toReversed(), 1];
}

function assertTakes(fixed: readonly (number | null)[], patchVox: readonly number[]): void {
  const given = patchVox.slice(0, fixed.length).toReversed();
  if (fixed.every((length, axis) => length === null || length === given[axis])) return;
  const size = fixed.map((length) => length ?? "any").toReversed();
  throw misfit(`an input of fixed size ${size.join(" x ")}`, `patchVox ${patchVox.join(" x ")} as in the settings`);
}

function onlyOne(tensors: readonly OnnxTensor[], what: string): OnnxTensor {
  const [one] = tensors;
  if (one === undefined || tensors.length > 1) throw misfit(`${tensors.length} ${what}`, "one");
  return one;
}

function misfit(found: string, expected: string): PipelineError {
  return new PipelineError("ModelInvalid", `the network has ${found}, expected ${expected}`);
}
