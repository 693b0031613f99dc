import { PipelineError } from "#src/core/errors.js";
import { cropBox, pasteBox } from "#src/imaging/crop.js";
import type { LabelMap, RefineInput, RefineProbabilities } from "./refine-state.js";

/** What both forms of the CRF decide anew: the classes there are, and the labels inside the box. */
export interface ClassesInBox {
  /** Label of each class: background, then the labels in ascending order. */
  readonly values: readonly number[];
  /** A copy. */
  readonly inBox: LabelMap;
}

/** @throws {PipelineError} `ContractViolation` for a label in the box whose probability was not handed over */
export function classesInBox(state: RefineInput, probabilities: RefineProbabilities, subject: string): ClassesInBox {
  const values = [0, ...[...probabilities.byLabel.keys()].sort((a, b) => a - b)];
  const inBox = cropBox(state.labels, state.size, probabilities);
  const stranger = inBox.find((label) => !values.includes(label));
  if (stranger === undefined) return { values, inBox };
  throw new PipelineError("ContractViolation", `${subject} needs the probability of label ${stranger}, got none`);
}

/**
 * The state after marginals decided: the likeliest class in each voxel (of equals the first), and they in its place.
 * Marginals exclude each other, whatever they were made of. A label of the model that took no part is nowhere: steps
 * after this one may name it.
 */
export function decidedBy(
  marginals: readonly Float32Array[],
  state: RefineInput,
  { start, size }: RefineProbabilities,
  { values, inBox }: ClassesInBox,
): RefineInput {
  for (let i = 0; i < inBox.length; i++) {
    let best = 0;
    for (let k = 1; k < marginals.length; k++) if ((marginals[k]?.[i] ?? 0) > (marginals[best]?.[i] ?? 0)) best = k;
    inBox[i] = values[best] ?? 0;
  }
  const byLabel = new Map(marginals.slice(1).map((marginal, n) => [values[n + 1] ?? 0, marginal]));
  const nowhere = new Float32Array(inBox.length);
  for (const label of state.modelLabels ?? []) if (!byLabel.has(label)) byLabel.set(label, nowhere);
  const labels = pasteBox(inBox, { start, size }, state.size, 0, state.labels.slice());
  const { regions: _, ...rest } = state;
  return { ...rest, labels, probabilities: { start, size, byLabel } };
}
