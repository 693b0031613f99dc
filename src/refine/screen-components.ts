import { type ComponentRuns, componentRuns, componentSizes } from "#src/imaging/component-runs.js";
import { componentShapes } from "#src/imaging/component-shape.js";
import { keepComponents } from "#src/imaging/components.js";
import { cropBox, pasteBox } from "#src/imaging/crop.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { nearMask } from "./near-mask.js";
import {
  type ApplyStep,
  labelGroups,
  probabilitiesFor,
  probabilityOf,
  type RefineInput,
  spacingFor,
  volumeVox,
} from "./refine-state.js";

type ScreenComponentsStep = Extract<RefineStep, { kind: "screen-components" }>;
/** Sets zero for the components that fail. */
type Screen = (
  state: RefineInput,
  runs: ComponentRuns,
  step: ScreenComponentsStep,
  subject: string,
  kept: Uint8Array,
) => void;

/** Removes the components of each label that fail a test, all labels in one walk. */
export const applyScreenComponents: ApplyStep<ScreenComponentsStep> = (state, step, subject) => {
  const runs = componentRuns(state.labels, state.size, step.connectivity, labelGroups(step.labels, "label"));
  const kept = new Uint8Array(runs.count).fill(1);
  for (const screen of [bySize, byShape, byAnatomy, byScore]) screen(state, runs, step, subject, kept);
  return { ...state, labels: keepComponents(state.labels, runs, kept) };
};

const bySize: Screen = (state, runs, { size }, subject, kept) => {
  if (size === undefined) return;
  const least = [
    volumeVox(state, { mm3: size.minMm3, voxels: undefined }, "atLeast", subject) ?? 0,
    size.minVoxels ?? 0,
  ];
  const most = [
    volumeVox(state, { mm3: size.maxMm3, voxels: undefined }, "atMost", subject) ?? Number.POSITIVE_INFINITY,
    size.maxVoxels ?? Number.POSITIVE_INFINITY,
  ];
  for (const [c, voxels] of componentSizes(runs).entries()) {
    if (voxels < Math.max(...least) || voxels > Math.min(...most)) kept[c] = 0;
  }
};

const byShape: Screen = (state, runs, { shape, connectivity }, subject, kept) => {
  if (shape === undefined) return;
  const isFlat = connectivity === 4 || connectivity === 8 || state.size[2] === 1;
  for (const [c, form] of componentShapes(runs, state.size, spacingFor(state, subject), isFlat).entries()) {
    const isFit =
      form.elongation <= (shape.maxElongation ?? Number.POSITIVE_INFINITY) &&
      form.sphericity >= (shape.minSphericity ?? 0) &&
      form.extent >= (shape.minExtent ?? 0);
    if (!isFit) kept[c] = 0;
  }
};

const byAnatomy: Screen = (state, runs, { anatomy }, subject, kept) => {
  if (anatomy === undefined) return;
  const near = nearMask(state, anatomy.labels, anatomy.withinMm, subject);
  const isNear = new Uint8Array(runs.count);
  for (const [run, from] of runs.first.entries()) {
    if (near.subarray(from, from + (runs.length[run] ?? 0)).includes(1)) isNear[runs.component[run] ?? 0] = 1;
  }
  const wanted = anatomy.keep === "near" ? 1 : 0;
  for (const [c, found] of isNear.entries()) if (found !== wanted) kept[c] = 0;
};

/** Outside the box of the probabilities a label has none: 0. */
const byScore: Screen = (state, runs, { score, labels }, subject, kept) => {
  if (score === undefined) return;
  const probabilities = probabilitiesFor(state, subject);
  if (probabilities === null) return;
  const own = new Float32Array(state.labels.length);
  const inBox = cropBox(state.labels, state.size, probabilities);
  const boxed = new Float32Array(inBox.length);
  for (const label of labels) {
    const values = probabilityOf(probabilities, label, subject);
    for (let i = 0; i < boxed.length; i++) if (inBox[i] === label) boxed[i] = values[i] ?? 0;
  }
  pasteBox(boxed, probabilities, state.size, 0, own);

  const sums = new Float64Array(runs.count);
  const most = new Float32Array(runs.count);
  for (const [run, from] of runs.first.entries()) {
    const c = runs.component[run] ?? 0;
    for (let i = from; i < from + (runs.length[run] ?? 0); i++) {
      sums[c] = (sums[c] ?? 0) + (own[i] ?? 0);
      if ((own[i] ?? 0) > (most[c] ?? 0)) most[c] = own[i] ?? 0;
    }
  }
  for (const [c, voxels] of componentSizes(runs).entries()) {
    const value = score.statistic === "max" ? (most[c] ?? 0) : (sums[c] ?? 0) / voxels;
    if (!(value >= Math.fround(score.min))) kept[c] = 0;
  }
};
