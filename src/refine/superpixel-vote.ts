import type { Size3 } from "#src/imaging/affine.js";
import { slic, stepsOfEdge } from "#src/imaging/classical/slic.js";
import { meanOverSuperpixels, voteLabels } from "#src/imaging/classical/superpixel-vote.js";
import { type Box, cropBox, pasteBox } from "#src/imaging/crop.js";
import { voxelCount } from "#src/imaging/volume.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { finiteImageFor, labelledBox, marginVox } from "./classical-image.js";
import { type ApplyStep, type LabelMap, probabilitiesFor, type RefineInput, spacingFor } from "./refine-state.js";

type SuperpixelVote = Extract<RefineStep, { kind: "superpixel-vote" }>;

/**
 * Each superpixel takes the label of most of its voxels, or the one with the largest mean probability; of regions the
 * last whose mean is above a half.
 */
export const applySuperpixelVote: ApplyStep<SuperpixelVote> = (state, step, subject) => {
  const spacingMm = spacingFor(state, subject);
  if (step.use === "probabilities") return voteByProbability(state, step, subject);
  const box = labelledBox(state.labels, state.size, marginVox(2 * step.edgeMm, spacingMm));
  if (box === null) return state;
  const voted = voteLabels(superpixelsIn(state, box, step, subject), cropBox(state.labels, state.size, box));
  return { ...state, labels: pasteBox(voted, box, state.size, 0, state.labels.slice()) };
};

function voteByProbability(state: RefineInput, step: SuperpixelVote, subject: string): RefineInput {
  const probabilities = probabilitiesFor(state, subject);
  if (probabilities === null || voxelCount(probabilities.size) === 0) return state;
  const superpixels = superpixelsIn(state, probabilities, step, subject);
  const means = new Map(
    [...probabilities.byLabel].map(([label, values]) => [label, meanOverSuperpixels(superpixels, values)]),
  );
  const decided: LabelMap = cropBox(state.labels, state.size, probabilities).fill(0);
  if (state.regions === undefined) decideByLargest(means, decided);
  else decideByRegions(means, state.regions, decided);
  return { ...state, labels: pasteBox(decided, probabilities, state.size, 0, state.labels.slice()) };
}

type Means = ReadonlyMap<number, Float32Array>;

/** Background starts with what the labels leave of 1; of equals the first wins. */
function decideByLargest(means: Means, decided: LabelMap): void {
  const best = new Float32Array(decided.length).fill(1);
  for (const mean of means.values()) {
    for (let i = 0; i < best.length; i++) best[i] = (best[i] ?? 0) - (mean[i] ?? 0);
  }
  for (const [label, mean] of means) {
    for (let i = 0; i < best.length; i++) {
      const value = mean[i] ?? 0;
      if (value <= (best[i] ?? 0)) continue;
      best[i] = value;
      decided[i] = label;
    }
  }
}

function decideByRegions(means: Means, regions: readonly number[], decided: LabelMap): void {
  for (const label of regions) {
    const mean = means.get(label);
    for (let i = 0; i < (mean?.length ?? 0); i++) if ((mean?.[i] ?? 0) > 0.5) decided[i] = label;
  }
}

function superpixelsIn(state: RefineInput, box: Box, step: SuperpixelVote, subject: string): Int32Array {
  const spacingMm = spacingFor(state, subject);
  const image = cropBox(finiteImageFor(state, subject), state.size, box);
  const { compactness, iterations } = step;
  const [nx, ny, nz] = box.size;
  if (step.dimensions === 3) {
    return slic([image], box.size, { ...stepsOfEdge(box.size, spacingMm, step.edgeMm), compactness, iterations });
  }
  const area = nx * ny;
  const out = new Int32Array(area * nz);
  const slice: Size3 = [nx, ny, 1];
  let last = 0;
  for (let z = 0; z < nz; z++) {
    const part = image.subarray(z * area, (z + 1) * area);
    const numbers = slic([part], slice, { ...stepsOfEdge(slice, spacingMm, step.edgeMm), compactness, iterations });
    let highest = 0;
    for (let i = 0; i < area; i++) {
      highest = Math.max(highest, numbers[i] ?? 0);
      out[z * area + i] = last + (numbers[i] ?? 0);
    }
    last += highest;
  }
  return out;
}
