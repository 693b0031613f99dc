import { z } from "zod";
import {
  ChanVeseStep,
  GeodesicContourStep,
  RegionGrowStep,
  SuperpixelVoteStep,
  WatershedStep,
} from "./classical-steps.js";
import {
  FillHolesStep,
  KeepNearStep,
  LargestComponentStep,
  MorphologyStep,
  RemoveSmallStep,
  ScreenComponentsStep,
} from "./component-steps.js";
import { ConvCrfStep } from "./conv-crf-step.js";
import { DenseCrfStep, isActive } from "./dense-crf-step.js";
import { HysteresisStep, OtsuStep, ScoreTripletStep, ThresholdStep } from "./threshold-steps.js";

/** One step after the network, as a manifest names it. */
export const RefineStep = z.discriminatedUnion("kind", [
  ThresholdStep,
  OtsuStep,
  HysteresisStep,
  ScoreTripletStep,
  LargestComponentStep,
  RemoveSmallStep,
  FillHolesStep,
  MorphologyStep,
  KeepNearStep,
  ScreenComponentsStep,
  SuperpixelVoteStep,
  ChanVeseStep,
  GeodesicContourStep,
  RegionGrowStep,
  WatershedStep,
  DenseCrfStep,
  ConvCrfStep,
]);
export type RefineStep = z.infer<typeof RefineStep>;

/**
 * The steps of a manifest, in their order.
 *
 * A step that decides anew from probabilities undoes what a step before it did to the same labels, so it must come
 * first: `dense-crf` before anything that removes or fills. Of two that decide anew the second undoes the first, unless
 * the first is a CRF, whose marginals the second decides by.
 */
export const RefineSteps = z.array(RefineStep).superRefine((steps, context) => {
  for (const [n, step] of steps.entries()) {
    const undone = undoneBy(step, steps.slice(0, n));
    const earlier = steps[undone];
    if (earlier === undefined) continue;
    const expected = edits(earlier) ? "expected before it" : "expected one of them";
    context.addIssue({
      code: "custom",
      path: [n, "kind"],
      message: `${step.kind} decides anew and undoes step ${undone + 1} (${earlier.kind}), ${expected}`,
    });
  }
});

/** Steps that read probabilities; the others need labels alone. */
export function needsProbabilities(step: RefineStep): boolean {
  switch (step.kind) {
    case "threshold":
    case "hysteresis":
    case "score-triplet":
    case "conv-crf":
      return true;
    case "dense-crf":
      return step.unary === "probabilities";
    case "otsu":
      return step.source === "probability";
    case "screen-components":
      return step.score !== undefined;
    case "superpixel-vote":
      return step.use === "probabilities";
    default:
      return false;
  }
}

const READ_IMAGE: ReadonlySet<RefineStep["kind"]> = new Set([
  "superpixel-vote",
  "chan-vese",
  "geodesic-contour",
  "region-grow",
  "watershed",
]);

/** Steps that read the image's intensities. */
export function needsImage(step: RefineStep): boolean {
  if (step.kind === "otsu") return step.source === "image";
  if (READ_IMAGE.has(step.kind)) return true;
  return (step.kind === "dense-crf" || step.kind === "conv-crf") && step.appearance !== undefined;
}

/** Labels that a step names, in whatever field; none for one that works on all. */
export function labelsOfStep(step: RefineStep): readonly number[] {
  const own = "labels" in step ? step.labels : [];
  if (step.kind === "keep-near") return [...own, ...step.anatomy];
  if (step.kind === "screen-components") return [...own, ...(step.anatomy?.labels ?? [])];
  return own;
}

/**
 * The first step that does not fit a model, as an issue of its manifest: it names a label which the model does not have,
 * or has penalties for another number of labels. Null when there is none.
 *
 * @param labels values of the model's label map
 */
export function misfitIssue(
  steps: readonly RefineStep[],
  labels: readonly number[],
): { code: "custom"; path: (string | number)[]; message: string } | null {
  for (const [n, step] of steps.entries()) {
    const rows = step.kind === "dense-crf" ? step.penalties?.length : undefined;
    if (rows !== undefined && rows !== labels.length + 1) {
      const message = `${rows} rows for ${labels.length} labels, expected ${labels.length + 1}: background first`;
      return { code: "custom", path: ["postprocess", n, "penalties"], message };
    }
    const stranger = labelsOfStep(step).find((label) => !labels.includes(label));
    if (stranger === undefined) continue;
    const message = `${step.kind} names label ${stranger}, which the model does not have`;
    const field = "labels" in step && step.labels.includes(stranger) ? "labels" : "anatomy";
    return { code: "custom", path: ["postprocess", n, field], message };
  }
  return null;
}

/**
 * The first step that cannot work on regions, as an issue of their manifest: a CRF on probabilities needs labels that
 * exclude each other. One after a CRF on labels has its marginals, which do. Null when there is none.
 *
 * @param regions labels that the model's channels write as regions; none where they are classes
 */
export function overlapIssue(
  steps: readonly RefineStep[],
  regions: readonly number[],
): { code: "custom"; path: (string | number)[]; message: string } | null {
  if (regions.length < 2) return null;
  for (const [n, step] of steps.entries()) {
    if (readsLabelsAlone(step)) return null;
    if (!isCrf(step) || !needsProbabilities(step)) continue;
    const found = `${step.kind} on probabilities of regions ${regions.join(", ")}, which may overlap`;
    const message = `${found}, expected labels that exclude each other, or a dense-crf with unary from labels`;
    return { code: "custom", path: ["postprocess", n, "kind"], message };
  }
  return null;
}

/** Whether a step decides from probabilities (or intensities) alone, whatever labels are there. */
export function decidesAnew(step: RefineStep): boolean {
  switch (step.kind) {
    case "threshold":
      return step.from === "probabilities";
    case "otsu":
      return step.over === "volume";
    case "hysteresis":
    case "score-triplet":
    case "conv-crf":
      return true;
    case "dense-crf":
      return step.unary === "probabilities";
    case "superpixel-vote":
      return step.use === "probabilities";
    default:
      return false;
  }
}

function edits(step: RefineStep): boolean {
  switch (step.kind) {
    case "threshold":
      return step.from === "labels";
    case "otsu":
      return step.over === "labels";
    case "largest-component":
    case "remove-small":
    case "fill-holes":
    case "morphology":
    case "keep-near":
    case "chan-vese":
    case "geodesic-contour":
    case "region-grow":
    case "watershed":
    case "screen-components":
      return true;
    case "superpixel-vote":
      return step.use === "labels";
    default:
      return false;
  }
}

/** Index of the first step whose work a later one loses; -1 where there is none. */
function undoneBy(step: RefineStep, before: readonly RefineStep[]): number {
  if (!decidesAnew(step)) return -1;
  const takesMarginals = needsProbabilities(step);
  // A CRF on labels makes probabilities of them: what was done before it is in them.
  const from = takesMarginals ? before.findLastIndex(readsLabelsAlone) + 1 : 0;
  const isLost = (earlier: RefineStep) =>
    edits(earlier) || (decidesAnew(earlier) && !(takesMarginals && isCrf(earlier)));
  return before.findIndex((earlier, at) => at >= from && isLost(earlier) && shareLabels(earlier, step));
}

function isCrf({ kind }: RefineStep): boolean {
  return kind === "dense-crf" || kind === "conv-crf";
}

function readsLabelsAlone(step: RefineStep): boolean {
  return step.kind === "dense-crf" && step.unary !== "probabilities" && isActive(step);
}

function shareLabels(earlier: RefineStep, step: RefineStep): boolean {
  if (!("labels" in earlier && "labels" in step)) return true;
  return earlier.labels.some((label) => step.labels.includes(label));
}
