import { volumeOrSlices } from "#src/imaging/classical/each-slice.js";
import { gaussianGradientMagnitude } from "#src/imaging/classical/gaussian.js";
import { watershed } from "#src/imaging/classical/watershed.js";
import { percentiles } from "#src/imaging/normalise.js";
import type { MethodOf } from "#src/model/classical-method.js";
import { spacingOf } from "./contours.js";
import { firstChannel } from "./first-channel.js";
import type { ClassicalInput } from "./segment-classical.js";

const BACKGROUND = 1;
const OBJECT = 2;

/** Watershed of the gradient between the darkest and the brightest voxels. */
export function floodMask(input: ClassicalInput, method: MethodOf<"watershed">): Uint8Array {
  const spacing = spacingOf(input, "sigmaMm");
  const image = firstChannel(input);
  const [low = 0, high = 0] = percentiles(image, [method.backgroundPercentile, method.objectPercentile]);
  // A voxel at both limits (a constant image) is background.
  const markers = new Int32Array(image.length);
  for (let i = 0; i < markers.length; i++) {
    const value = image[i] ?? 0;
    markers[i] = value <= low ? BACKGROUND : value >= high ? OBJECT : 0;
  }
  return volumeOrSlices(method.dimensions, input.size, (first, end, size) => {
    const relief = gaussianGradientMagnitude(image.subarray(first, end), size, method.sigmaMm, spacing);
    const labels = watershed(relief, size, markers.subarray(first, end), method.connectivity);
    const mask = new Uint8Array(labels.length);
    for (let i = 0; i < mask.length; i++) mask[i] = labels[i] === OBJECT ? 1 : 0;
    return mask;
  });
}
