import { componentRuns } from "#src/imaging/component-runs.js";
import { keepComponents, largestOfGroups } from "#src/imaging/components.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { type ApplyStep, labelGroups } from "./refine-state.js";

/** Keeps the largest component of the union of the labels, or of each label, all labels in one walk. */
export const applyLargestComponent: ApplyStep<Extract<RefineStep, { kind: "largest-component" }>> = (state, step) => {
  const { labels, size } = state;
  const runs = componentRuns(labels, size, step.connectivity, labelGroups(step.labels, step.scope));
  const kept = largestOfGroups(runs, size, step.connectivity, step.ties);
  return { ...state, labels: keepComponents(labels, runs, kept) };
};
