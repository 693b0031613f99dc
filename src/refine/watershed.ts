import { gaussianGradientMagnitude } from "#src/imaging/classical/gaussian.js";
import { watershed } from "#src/imaging/classical/watershed.js";
import { cropBox, pasteBox } from "#src/imaging/crop.js";
import { squaredDistances } from "#src/imaging/distance-transform.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { finiteImageFor, labelledBox, marginVox } from "./classical-image.js";
import { type ApplyStep, spacingFor } from "./refine-state.js";

/** So that a voxel at exactly the distance counts, whatever its rounding. */
const ROUNDING = 1 + 1e-5;

/**
 * Frees the voxels near outlines and floods the image's gradient from what is left of labels and background, so that
 * outlines settle on ridges of the gradient. A label too thin to have a voxel outside the band would vanish: it keeps
 * its voxels.
 */
export const applyWatershed: ApplyStep<Extract<RefineStep, { kind: "watershed" }>> = (state, step, subject) => {
  const spacingMm = spacingFor(state, subject);
  const box = labelledBox(state.labels, state.size, marginVox(step.bandMm + 4 * step.sigmaMm, spacingMm));
  if (box === null) return state;
  const labels = cropBox(state.labels, state.size, box);
  const image = cropBox(finiteImageFor(state, subject), state.size, box);

  const outline = outlineOf(labels, box.size);
  const distances = squaredDistances(outline, box.size, spacingMm, "set", step.bandMm);
  const limit = step.bandMm ** 2 * ROUNDING;
  const isFree = Uint8Array.from(labels, (_, i) => ((distances[i] ?? 0) <= limit ? 1 : 0));
  const survives = new Uint8Array(65_536);
  for (let i = 0; i < labels.length; i++) if (isFree[i] === 0) survives[labels[i] ?? 0] = 1;
  // One more than the label: 0 is what a flood has not reached.
  const markers = Int32Array.from(labels, (label, i) => (isFree[i] === 1 && survives[label] === 1 ? 0 : label + 1));

  const relief = gaussianGradientMagnitude(image, box.size, step.sigmaMm, spacingMm);
  const flooded = watershed(relief, box.size, markers, step.connectivity);
  for (let i = 0; i < labels.length; i++) {
    const reached = flooded[i] ?? 0;
    if (reached > 0) labels[i] = reached - 1;
  }
  return { ...state, labels: pasteBox(labels, box, state.size, 0, state.labels.slice()) };
};

/** Ones where a face neighbour has another label. */
function outlineOf(labels: Uint8Array | Uint16Array, [nx, ny, nz]: readonly [number, number, number]): Uint8Array {
  const out = new Uint8Array(labels.length);
  const mark = (a: number, b: number): void => {
    if (labels[a] === labels[b]) return;
    out[a] = 1;
    out[b] = 1;
  };
  let i = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        if (x > 0) mark(i, i - 1);
        if (y > 0) mark(i, i - nx);
        if (z > 0) mark(i, i - nx * ny);
      }
    }
  }
  return out;
}
