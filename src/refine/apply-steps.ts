import { PipelineError } from "#src/core/errors.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { applyChanVese, applyGeodesicContour } from "./contours.js";
import { applyConvCrf, type RunGraph } from "./conv-crf.js";
import { applyDenseCrf } from "./dense-crf.js";
import { applyFillHoles } from "./fill-holes.js";
import { applyHysteresis } from "./hysteresis.js";
import { applyKeepNear } from "./keep-near.js";
import { applyLargestComponent } from "./largest-component.js";
import { applyMorphology } from "./morphology.js";
import { applyOtsu } from "./otsu.js";
import { assertExclusive, type LabelMap, type RefineInput } from "./refine-state.js";
import { applyRegionGrow } from "./region-grow.js";
import { applyRemoveSmall } from "./remove-small.js";
import { applyScoreTriplet } from "./score-triplet.js";
import { applyScreenComponents } from "./screen-components.js";
import { applySuperpixelVote } from "./superpixel-vote.js";
import { applyThreshold } from "./threshold.js";
import { applyWatershed } from "./watershed.js";

export type { RefineInput } from "./refine-state.js";

export interface RefineOutput {
  /** Of the same type and size as the input's. */
  readonly labels: LabelMap;
  /** One a step, in their order. */
  readonly steps: readonly { readonly kind: RefineStep["kind"]; readonly changedVoxels: number }[];
}

/**
 * Applies a manifest's refinement steps, each to what the one before it left. The input's arrays are not changed, and
 * the same input gives the same output, byte for byte.
 *
 * @throws {PipelineError} `InputMismatch` for a step in millimetres on an image without spacing; `InferenceFailed` for
 *   a probability that is not a number; `ContractViolation` when something that a step needs was not handed over
 */
export function applySteps(input: RefineInput, steps: readonly RefineStep[]): RefineOutput {
  let state: RefineInput = { ...input, labels: input.labels.slice() };
  const changes: { kind: RefineStep["kind"]; changedVoxels: number }[] = [];
  for (const [n, step] of steps.entries()) {
    const next = applyStep(state, step, `refinement step ${n + 1} (${step.kind})`);
    changes.push({ kind: step.kind, changedVoxels: countChanges(state.labels, next.labels) });
    state = next;
  }
  return { labels: state.labels, steps: changes };
}

/**
 * The same, with a runtime for the step that is a graph: `conv-crf`.
 *
 * @throws {PipelineError} as `applySteps`, and as `run`
 */
export async function applyStepsWith(
  input: RefineInput,
  steps: readonly RefineStep[],
  run: RunGraph,
): Promise<RefineOutput> {
  let state: RefineInput = { ...input, labels: input.labels.slice() };
  const changes: { kind: RefineStep["kind"]; changedVoxels: number }[] = [];
  for (const [n, step] of steps.entries()) {
    const subject = `refinement step ${n + 1} (${step.kind})`;
    const next =
      step.kind === "conv-crf" ? await applyConvCrf(state, step, subject, run) : applyStep(state, step, subject);
    changes.push({ kind: step.kind, changedVoxels: countChanges(state.labels, next.labels) });
    state = next;
  }
  return { labels: state.labels, steps: changes };
}

function applyStep(state: RefineInput, step: RefineStep, subject: string): RefineInput {
  switch (step.kind) {
    case "threshold":
      return applyThreshold(state, step, subject);
    case "otsu":
      return applyOtsu(state, step, subject);
    case "hysteresis":
      return applyHysteresis(state, step, subject);
    case "score-triplet":
      return applyScoreTriplet(state, step, subject);
    case "largest-component":
      return applyLargestComponent(state, step, subject);
    case "remove-small":
      return applyRemoveSmall(state, step, subject);
    case "fill-holes":
      return applyFillHoles(state, step, subject);
    case "morphology":
      return applyMorphology(state, step, subject);
    case "keep-near":
      return applyKeepNear(state, step, subject);
    case "screen-components":
      return applyScreenComponents(state, step, subject);
    case "superpixel-vote":
      return applySuperpixelVote(state, step, subject);
    case "chan-vese":
      return applyChanVese(state, step, subject);
    case "geodesic-contour":
      return applyGeodesicContour(state, step, subject);
    case "region-grow":
      return applyRegionGrow(state, step, subject);
    case "watershed":
      return applyWatershed(state, step, subject);
    case "dense-crf":
      if (step.unary === "probabilities") assertExclusive(state, subject);
      return applyDenseCrf(state, step, subject);
    case "conv-crf":
      throw new PipelineError("ContractViolation", `${subject} is a graph and needs a runtime, got none`);
  }
}

function countChanges(before: LabelMap, after: LabelMap): number {
  let changes = 0;
  for (let i = 0; i < before.length; i++) if (before[i] !== after[i]) changes++;
  return changes;
}
