import { chanVese } from "#src/imaging/classical/chan-vese.js";
import { volumeOrSlices } from "#src/imaging/classical/each-slice.js";
import { geodesicContour, inverseGaussianGradient } from "#src/imaging/classical/geodesic-contour.js";
import { cropBox } from "#src/imaging/crop.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { finiteImageFor, marginVox, standardisedIn } from "./classical-image.js";
import { changeEachLabel } from "./each-label.js";
import { type ApplyStep, spacingFor } from "./refine-state.js";

/** Lets the outline of each label run over the image in a box around it. It grows into background only. */
export const applyChanVese: ApplyStep<Extract<RefineStep, { kind: "chan-vese" }>> = (state, step, subject) => {
  const margin = marginVox(step.marginMm, spacingFor(state, subject));
  const image = finiteImageFor(state, subject);
  const labels = changeEachLabel(state.labels, state.size, step.labels, margin, (mask, boxSize, box) => {
    const part = cropBox(image, state.size, box);
    return volumeOrSlices(step.dimensions, boxSize, (first, end, size) =>
      chanVese(part.subarray(first, end), size, mask.subarray(first, end), step),
    );
  });
  return { ...state, labels };
};

/** Lets the outline of each label run to the image's edges in a box around it. It grows into background only. */
export const applyGeodesicContour: ApplyStep<Extract<RefineStep, { kind: "geodesic-contour" }>> = (
  state,
  step,
  subject,
) => {
  const spacingMm = spacingFor(state, subject);
  const margin = marginVox(step.marginMm, spacingMm);
  const image = finiteImageFor(state, subject);
  const labels = changeEachLabel(state.labels, state.size, step.labels, margin, (mask, boxSize, box) => {
    const part = standardisedIn(image, state.size, box);
    return volumeOrSlices(step.dimensions, boxSize, (first, end, size) => {
      const edges = inverseGaussianGradient(part.subarray(first, end), size, step.alpha, step.sigmaMm, spacingMm);
      return geodesicContour(edges, size, mask.subarray(first, end), step);
    });
  });
  return { ...state, labels };
};
