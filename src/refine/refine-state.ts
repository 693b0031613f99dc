import { PipelineError } from "#src/core/errors.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import type { ValueGroups } from "#src/imaging/component-runs.js";
import { type Box, cropBox } from "#src/imaging/crop.js";
import { voxelCount } from "#src/imaging/volume.js";

export type LabelMap = Uint8Array | Uint16Array;

/** Probabilities of some labels inside a box of the source grid, which may be empty; outside it, all is background. */
export interface RefineProbabilities extends Box {
  readonly byLabel: ReadonlyMap<number, Float32Array>;
}

/** What refinement starts from, and what each step hands to the next. */
export interface RefineInput {
  /** Label of every voxel of the source grid, x fastest. */
  readonly labels: LabelMap;
  readonly size: Size3;
  /** Null where the source does not say how large a voxel is: steps in millimetres are refused. */
  readonly spacingMm: Vec3 | null;
  /** Null when no step needs them; when the network saw nothing but background, null or those of `nowhere`. */
  readonly probabilities: RefineProbabilities | null;
  /** The image on the source grid; null when no step needs it. */
  readonly image: Float32Array | null;
  /** The image's further channels on the source grid, for a step that looks at several. @default none */
  readonly otherChannels?: readonly Float32Array[];
  /** Labels that the model gives, whether this map has a voxel of them or not. @default those that it has */
  readonly modelLabels?: readonly number[];
  /**
   * Labels of regions, which may overlap, in the order in which they are written: a later one over an earlier one.
   *
   * @default none: labels exclude each other, and the likeliest wins
   */
  readonly regions?: readonly number[];
}

/** One step: a new state; the arrays of the old one are left as they are. */
export type ApplyStep<Step> = (state: RefineInput, step: Step, subject: string) => RefineInput;

/** Ones where a voxel holds one of the labels. */
export function maskOf(labels: LabelMap, wanted: readonly number[]): Uint8Array {
  const isWanted = new Uint8Array(65_536);
  for (const label of wanted) isWanted[label] = 1;
  const mask = new Uint8Array(labels.length);
  for (let i = 0; i < mask.length; i++) mask[i] = isWanted[labels[i] ?? 0] ?? 0;
  return mask;
}

/** Makes background of a label, in place. */
export function clearLabel(labels: LabelMap, label: number): void {
  for (let i = 0; i < labels.length; i++) if (labels[i] === label) labels[i] = 0;
}

/** Probabilities of labels that are nowhere: those of a network that saw nothing but background. */
export function nowhere(labels: readonly number[]): RefineProbabilities {
  const byLabel = new Map(labels.map((label) => [label, new Float32Array(0)]));
  return { start: [0, 0, 0], size: [0, 0, 0], byLabel };
}

/** Groups of the labels for `componentRuns`: one a label, from 1 in their order, or one of them all. */
export function labelGroups(labels: readonly number[], scope: "union" | "label"): ValueGroups {
  const groups = new Uint16Array(65_536);
  for (const [n, label] of labels.entries()) groups[label] = scope === "union" ? 1 : n + 1;
  return groups;
}

/** So that eight voxels of 1/8 cubic millimetre count as one cubic millimetre whatever their rounding. */
const ROUNDING_VOX = 1e-6;

/**
 * A volume of an option as voxels, not whole: `atLeast` is lowered and `atMost` raised by what rounding may cost.
 *
 * @throws {PipelineError} `InputMismatch` for cubic millimetres without spacing
 */
export function volumeVox(
  state: RefineInput,
  limit: { readonly mm3: number | undefined; readonly voxels: number | undefined },
  side: "atLeast" | "atMost",
  subject: string,
): number | undefined {
  if (limit.mm3 === undefined) return limit.voxels;
  const [x, y, z] = spacingFor(state, subject);
  return limit.mm3 / (x * y * z) + (side === "atLeast" ? -ROUNDING_VOX : ROUNDING_VOX);
}

/** The spacing, for a step in millimetres. @throws {PipelineError} `InputMismatch` where it is unknown */
export function spacingFor(state: RefineInput, subject: string): Vec3 {
  if (state.spacingMm !== null) return state.spacingMm;
  throw new PipelineError("InputMismatch", `${subject} is in millimetres, but the image has no voxel spacing`);
}

/**
 * The probabilities, for a step that needs them; null when there are none and no label to work on either, as after a
 * network that saw nothing but background. A step before this one may have found labels there all the same.
 *
 * @throws {PipelineError} `ContractViolation` when they are missing; `InferenceFailed` when one is not a number or lies
 *   outside 0 to 1 (by more than 0.01)
 */
export function probabilitiesFor(state: RefineInput, subject: string): RefineProbabilities | null {
  const { probabilities } = state;
  const voxels = probabilities === null ? 0 : voxelCount(probabilities.size);
  if (voxels === 0 && state.labels.every((label) => label === 0)) return null;
  if (probabilities === null) {
    throw new PipelineError("ContractViolation", `${subject} needs probabilities, got labels alone`);
  }
  for (const [label, values] of probabilities.byLabel) {
    if (values.length !== voxels) {
      const expected = probabilities.size.join(" x ");
      throw new PipelineError(
        "ContractViolation",
        `label ${label} has ${values.length} probabilities, expected ${expected}`,
      );
    }
  }
  checkValues(probabilities);
  return probabilities;
}

/** What rounding to 16 bits, or to half precision, may add to probabilities. */
const TOLERANCE = 0.01;

function checkValues({ byLabel }: RefineProbabilities): void {
  for (const [label, values] of byLabel) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i] ?? 0;
      if (value >= -TOLERANCE && value <= 1 + TOLERANCE) continue;
      const found = Number.isNaN(value) ? "is not a number" : `is ${value}`;
      throw new PipelineError("InferenceFailed", `probability of label ${label} ${found}, expected 0 to 1`);
    }
  }
}

/**
 * For a step to which labels exclude each other and leave the rest to the background. Regions may overlap, so this is
 * not asked of all.
 *
 * @throws {PipelineError} `InferenceFailed` where labels add to more than 1 (by more than 0.01)
 */
export function assertExclusive({ probabilities }: RefineInput, subject: string): void {
  const [first, ...others] = probabilities?.byLabel.values() ?? [];
  if (first === undefined) return;
  for (let i = 0; i < first.length; i++) {
    let sum = first[i] ?? 0;
    for (const values of others) sum += values[i] ?? 0;
    if (sum <= 1 + TOLERANCE) continue;
    const message = `${subject} needs labels that exclude each other, got probabilities that add to ${sum.toFixed(3)} in a voxel`;
    throw new PipelineError("InferenceFailed", message);
  }
}

/** The probabilities of one label. @throws {PipelineError} `ContractViolation` when they were not handed over */
export function probabilityOf(probabilities: RefineProbabilities, label: number, subject: string): Float32Array {
  const values = probabilities.byLabel.get(label);
  if (values !== undefined) return values;
  throw new PipelineError("ContractViolation", `${subject} needs the probability of label ${label}, got none`);
}

/** The image, for a step that needs it. @throws {PipelineError} `ContractViolation` when it is missing */
export function wholeImageFor(state: RefineInput, subject: string): Float32Array {
  if (state.image !== null) return state.image;
  throw new PipelineError("ContractViolation", `${subject} needs the image, got labels alone`);
}

/** The image inside a box, for a step that needs it. @throws {PipelineError} `ContractViolation` when it is missing */
export function imageFor(state: RefineInput, box: Box, subject: string): Float32Array {
  return cropBox(wholeImageFor(state, subject), state.size, box);
}
