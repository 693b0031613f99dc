import { PipelineError } from "#src/core/errors.js";
import { cropBox, pasteBox } from "#src/imaging/crop.js";
import { multiOtsuThresholds, otsuThreshold } from "#src/imaging/otsu.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { decideInBox } from "./decide-in-box.js";
import {
  type ApplyStep,
  clearLabel,
  type LabelMap,
  probabilitiesFor,
  probabilityOf,
  wholeImageFor,
} from "./refine-state.js";

type OtsuStep = Extract<RefineStep, { kind: "otsu" }>;
/** Whether a value lies in a class that is kept. */
type IsKept = (value: number) => boolean;

/**
 * A label in the classes of probability or intensity that are kept. Where there are fewer values than classes, as in
 * a constant image, nothing separates them and the label stays as it is. Outside the box of the
 * probabilities, which a step before this one may have left, a label has the probability 0.
 *
 * @throws {PipelineError} `ContractViolation` for an image voxel that is not a number
 */
export const applyOtsu: ApplyStep<OtsuStep> = (state, step, subject) => {
  if (step.source === "image") {
    const image = wholeImageFor(state, subject);
    if (image.some((value) => !Number.isFinite(value))) {
      throw new PipelineError("ContractViolation", "image holds a voxel that is not a number, expected finite voxels");
    }
    const labels = state.labels.slice();
    for (const label of step.labels) separate(labels, image, label, step, 0);
    return { ...state, labels };
  }

  const probabilities = probabilitiesFor(state, subject);
  if (probabilities === null) return state;
  const inBox = cropBox(state.labels, state.size, probabilities);
  if (step.over === "volume") {
    // All that is decided: background, and what the labels named have by now.
    const isDecided = (at: number): boolean => inBox[at] === 0 || step.labels.includes(inBox[at] ?? 0);
    return decideInBox(state, probabilities, step.labels, subject, (label, values) => {
      const isKept = classesOf(
        values.filter((_, at) => isDecided(at)),
        step,
      );
      if (isKept === null) return Uint8Array.from(inBox, (value) => (value === label ? 1 : 0));
      return Uint8Array.from(values, (value) => (isKept(value) ? 1 : 0));
    });
  }
  const labels = state.labels.slice();
  for (const label of step.labels) {
    const values = probabilityOf(probabilities, label, subject);
    const outside = countOf(labels, label) - countOf(inBox, label);
    const isKept = separate(inBox, values, label, step, outside);
    if (isKept !== null && !isKept(0)) clearLabel(labels, label);
  }
  return { ...state, labels: pasteBox(inBox, probabilities, state.size, 0, labels) };
};

/**
 * Gives or leaves the label the voxels of the classes kept; other labels stay.
 *
 * @param zeros voxels of the label besides, of the value 0
 * @returns what was kept; null where the values cannot be separated, and nothing was changed
 */
function separate(labels: LabelMap, values: Float32Array, label: number, step: OtsuStep, zeros: number): IsKept | null {
  const isIn = (value: number): boolean => value === label || (step.over === "volume" && value === 0);
  const own = values.filter((_, at) => isIn(labels[at] ?? 0));
  const all = zeros === 0 ? own : new Float32Array(own.length + zeros);
  if (zeros > 0) all.set(own);
  const isKept = classesOf(all, step);
  if (isKept === null) return null;
  for (let i = 0; i < labels.length; i++) {
    if (isIn(labels[i] ?? 0)) labels[i] = isKept(values[i] ?? 0) ? label : 0;
  }
  return isKept;
}

function countOf(labels: LabelMap, label: number): number {
  let count = 0;
  for (const value of labels) if (value === label) count++;
  return count;
}

/** Null where the values cannot be separated. */
function classesOf(values: Float32Array, step: OtsuStep): IsKept | null {
  const kept = new Set(step.keep ?? [step.classes - 1]);
  if (step.classes === 2) {
    const threshold = otsuThreshold(values);
    // Of values that are all alike none is above, so both sides have to be seen.
    if (!values.some((value) => value > threshold)) return null;
    return (value) => kept.has(value > threshold ? 1 : 0);
  }
  const thresholds = multiOtsuThresholds(values, step.classes);
  if (thresholds === null) return null;
  return (value) => {
    let at = 0;
    while (at < thresholds.length && value >= (thresholds[at] ?? 0)) at++;
    return kept.has(at);
  };
}
