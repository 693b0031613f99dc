import { componentRuns, componentSizes } from "#src/imaging/component-runs.js";
import { keepComponents } from "#src/imaging/components.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { type ApplyStep, labelGroups, volumeVox } from "./refine-state.js";

/** Removes the components that are smaller than a volume, all labels in one walk. */
export const applyRemoveSmall: ApplyStep<Extract<RefineStep, { kind: "remove-small" }>> = (state, step, subject) => {
  const { labels, size } = state;
  const side = step.atLimit === "keep" ? "atLeast" : "atMost";
  const limit = volumeVox(state, { mm3: step.minMm3, voxels: step.minVoxels }, side, subject) ?? 0;
  const runs = componentRuns(labels, size, step.connectivity, labelGroups(step.labels, step.scope));
  const isKept = (voxels: number): boolean => (step.atLimit === "keep" ? voxels >= limit : voxels > limit);
  const kept = Uint8Array.from(componentSizes(runs), (voxels) => (isKept(voxels) ? 1 : 0));
  return { ...state, labels: keepComponents(labels, runs, kept) };
};
