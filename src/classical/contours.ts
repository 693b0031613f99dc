import { PipelineError } from "#src/core/errors.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { chanVese } from "#src/imaging/classical/chan-vese.js";
import { volumeOrSlices } from "#src/imaging/classical/each-slice.js";
import { geodesicContour, inverseGaussianGradient } from "#src/imaging/classical/geodesic-contour.js";
import { otsuThreshold } from "#src/imaging/otsu.js";
import type { MethodOf } from "#src/model/classical-method.js";
import { firstChannel, standardised } from "./first-channel.js";
import type { ClassicalInput } from "./segment-classical.js";

/** Edge of a field of the chessboard that a contour can start from, as in scikit-image. */
const SQUARE_VOX = 5;

/** A contour without edges. */
export function chanVeseMask(input: ClassicalInput, method: MethodOf<"chan-vese">): Uint8Array {
  const image = firstChannel(input);
  const start = startMask(image, input.size, method.start);
  return volumeOrSlices(method.dimensions, input.size, (first, end, size) =>
    chanVese(image.subarray(first, end), size, start.subarray(first, end), method),
  );
}

/** A contour that edges hold. */
export function geodesicMask(input: ClassicalInput, method: MethodOf<"geodesic-contour">): Uint8Array {
  const spacing = spacingOf(input, "sigmaMm");
  const image = standardised(firstChannel(input));
  const start = startMask(image, input.size, method.start);
  return volumeOrSlices(method.dimensions, input.size, (first, end, size) => {
    const edges = inverseGaussianGradient(image.subarray(first, end), size, method.alpha, method.sigmaMm, spacing);
    return geodesicContour(edges, size, start.subarray(first, end), method);
  });
}

/** The spacing, for a parameter in millimetres. @throws {PipelineError} `InputMismatch` where it is unknown */
export function spacingOf({ spacingMm }: ClassicalInput, parameter: string): Vec3 {
  if (spacingMm !== null) return spacingMm;
  throw new PipelineError("InputMismatch", `${parameter} is in millimetres, but the image has no voxel spacing`);
}

function startMask(image: Float32Array, size: Size3, start: MethodOf<"chan-vese">["start"]): Uint8Array {
  if (start !== "checkerboard") {
    const threshold = start === "above-midrange" ? midrange(image) : otsuThreshold(image);
    return Uint8Array.from(image, (value) => ((start !== "below-otsu") === value > threshold ? 1 : 0));
  }
  const mask = new Uint8Array(image.length);
  const field = (at: number): number => Math.floor(at / SQUARE_VOX) & 1;
  let i = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[0]; x++) mask[i++] = field(x) ^ field(y) ^ field(z);
    }
  }
  return mask;
}

function midrange(image: Float32Array): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < image.length; i++) {
    low = Math.min(low, image[i] ?? 0);
    high = Math.max(high, image[i] ?? 0);
  }
  return (low + high) / 2;
}
