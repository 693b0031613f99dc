import { PipelineError } from "#src/core/errors.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { type Box, cropBox } from "#src/imaging/crop.js";

export type LabelMap = Uint8Array | Uint16Array;

/** Probabilities of some labels inside a box of the source grid; outside it, all is background. */
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
  /** Null when no step needs them, or when the network saw nothing but background. */
  readonly probabilities: RefineProbabilities | null;
  /** The image on the source grid; null when no step needs it. */
  readonly image: Float32Array | null;
}

/** One step: a new state; the arrays of the old one are left as they are. */
export type ApplyStep<Step> = (state: RefineInput, step: Step, subject: string) => RefineInput;

/** Ones where a voxel holds one of the labels. */
export function maskOf(labels: LabelMap, wanted: readonly number[]): Uint8Array {
  const set = new Set(wanted);
  const isWanted = new Uint8Array(65_536);
  for (const label of set) isWanted[label] = 1;
  const mask = new Uint8Array(labels.length);
  for (let i = 0; i < mask.length; i++) mask[i] = isWanted[labels[i] ?? 0] ?? 0;
  return mask;
}

/** The labels without those voxels of the mask that are not kept. */
export function clearUnkept(labels: LabelMap, mask: Uint8Array, kept: Uint8Array): LabelMap {
  const out = labels.slice();
  for (let i = 0; i < out.length; i++) if (mask[i] !== 0 && kept[i] === 0) out[i] = 0;
  return out;
}

/** The spacing, for a step in millimetres. @throws {PipelineError} `InputMismatch` where it is unknown */
export function spacingFor(state: RefineInput, subject: string): Vec3 {
  if (state.spacingMm !== null) return state.spacingMm;
  throw new PipelineError("InputMismatch", `${subject} is in millimetres, but the image has no voxel spacing`);
}

/**
 * The probabilities, for a step that needs them; null when there is no label to work on either, as after a network
 * that saw nothing but background.
 *
 * @throws {PipelineError} `ContractViolation` when they are missing, `InferenceFailed` when one is not a number
 */
export function probabilitiesFor(state: RefineInput, subject: string): RefineProbabilities | null {
  const { probabilities } = state;
  if (probabilities === null) {
    if (state.labels.every((label) => label === 0)) return null;
    throw new PipelineError("ContractViolation", `${subject} needs probabilities, got labels alone`);
  }
  const voxels = probabilities.size[0] * probabilities.size[1] * probabilities.size[2];
  for (const [label, values] of probabilities.byLabel) {
    if (values.length !== voxels) {
      const expected = probabilities.size.join(" x ");
      throw new PipelineError(
        "ContractViolation",
        `label ${label} has ${values.length} probabilities, expected ${expected}`,
      );
    }
    if (values.some(Number.isNaN)) {
      throw new PipelineError("InferenceFailed", `probability of label ${label} is not a number, expected 0 to 1`);
    }
  }
  return probabilities;
}

/** The image inside a box, for a step that needs it. @throws {PipelineError} `ContractViolation` when it is missing */
export function imageFor(state: RefineInput, box: Box, subject: string): Float32Array {
  if (state.image === null)
    throw new PipelineError("ContractViolation", `${subject} needs the image, got labels alone`);
  return cropBox(state.image, state.size, box);
}
