import { hysteresis } from "#src/imaging/hysteresis.js";
import { voxelCount } from "#src/imaging/volume.js";
import type { ScoreTripletStep } from "#src/model/threshold-steps.js";
import { decideInBox } from "./decide-in-box.js";
import { type ApplyStep, probabilitiesFor, volumeVox } from "./refine-state.js";

/** Nothing, unless enough voxels score above the top; then all that scores above the bottom. */
export const applyScoreTriplet: ApplyStep<ScoreTripletStep> = (state, step, subject) => {
  const probabilities = probabilitiesFor(state, subject);
  if (probabilities === null) return state;
  const { size } = probabilities;
  const least = volumeVox(state, { mm3: step.minMm3, voxels: step.minVoxels }, "atLeast", subject) ?? 1;
  const { topScore, bottomScore, connectivity } = step;
  return decideInBox(state, probabilities, step.labels, subject, (_, values) => {
    if (step.scope === "component") return hysteresis(values, size, bottomScore, topScore, connectivity, least);
    return judgeParts(values, step.scope === "slice" ? size[0] * size[1] : voxelCount(size), step, least);
  });
};

function judgeParts(values: Float32Array, part: number, step: ScoreTripletStep, least: number): Uint8Array {
  const [top, bottom] = [Math.fround(step.topScore), Math.fround(step.bottomScore)];
  const mask = new Uint8Array(values.length);
  for (let from = 0; from < values.length; from += part) {
    let above = 0;
    for (let i = from; i < from + part; i++) if ((values[i] ?? 0) > top) above++;
    if (above < least) continue;
    for (let i = from; i < from + part; i++) mask[i] = (values[i] ?? 0) > bottom ? 1 : 0;
  }
  return mask;
}
