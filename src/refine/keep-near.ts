import { morphology } from "#src/imaging/morphology.js";
import { dilateByFaces } from "#src/imaging/step-distance.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { type ApplyStep, maskOf, type RefineInput, spacingFor } from "./refine-state.js";

type KeepNearStep = Extract<RefineStep, { kind: "keep-near" }>;

/** Keeps the voxels of the labels that are near the anatomy, or those that are far from it. */
export const applyKeepNear: ApplyStep<KeepNearStep> = (state, step, subject) => {
  const isNear = nearMask(state, step, subject);
  const isNamed = maskOf(state.labels, step.labels);
  const labels = state.labels.slice();
  const wanted = step.keep === "near" ? 1 : 0;
  for (let i = 0; i < labels.length; i++) if (isNamed[i] === 1 && isNear[i] !== wanted) labels[i] = 0;
  return { ...state, labels };
};

function nearMask(state: RefineInput, step: KeepNearStep, subject: string): Uint8Array {
  const anatomy = maskOf(state.labels, step.anatomy);
  if (step.withinMm === undefined) return dilateByFaces(anatomy, state.size, step.withinSteps ?? 0);
  return morphology(anatomy, state.size, spacingFor(state, subject), "dilate", step.withinMm);
}
