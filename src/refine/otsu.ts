import { PipelineError } from "#src/core/errors.js";
import { cropBox, pasteBox } from "#src/imaging/crop.js";
import { multiOtsuThresholds, otsuThreshold } from "#src/imaging/otsu.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { decideInBox } from "./decide-in-box.js";
import { type ApplyStep, type LabelMap, probabilitiesFor, probabilityOf, wholeImageFor } from "./refine-state.js";

type OtsuStep = Extract<RefineStep, { kind: "otsu" }>;
/** Whether a value lies in a class that is kept. */
type IsKept = (value: number) => boolean;

/**
 * A label in the classes of probability or intensity that are kept. Where there are fewer values than classes, as in
 * a constant image, nothing separates them and the label stays as it is.
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
    for (const label of step.labels) separate(labels, image, label, step);
    return { ...state, labels };
  }

  const probabilities = probabilitiesFor(state, subject);
  if (probabilities === null) return state;
  const inBox = cropBox(state.labels, state.size, probabilities);
  if (step.over === "volume") {
    return decideInBox(state, probabilities, step.labels, subject, (label, values) => {
      const isKept = classesOf(values, step);
      if (isKept === null) return Uint8Array.from(inBox, (value) => (value === label ? 1 : 0));
      return Uint8Array.from(values, (value) => (isKept(value) ? 1 : 0));
    });
  }
  for (const label of step.labels) separate(inBox, probabilityOf(probabilities, label, subject), label, step);
  return { ...state, labels: pasteBox(inBox, probabilities, state.size, 0, state.labels.slice()) };
};

/** Gives or leaves the label the voxels of the classes kept; other labels stay. */
function separate(labels: LabelMap, values: Float32Array, label: number, step: OtsuStep): void {
  const isIn = (value: number): boolean => value === label || (step.over === "volume" && value === 0);
  const isKept = classesOf(step.over === "volume" ? values : values.filter((_, i) => labels[i] === label), step);
  if (isKept === null) return;
  for (let i = 0; i < labels.length; i++) {
    if (isIn(labels[i] ?? 0)) labels[i] = isKept(values[i] ?? 0) ? label : 0;
  }
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
