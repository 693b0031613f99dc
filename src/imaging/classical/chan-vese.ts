import type { Size3 } from "#src/imaging/affine.js";
import { contourFront, difference } from "./contour-front.js";
import { curvatureSmoothing } from "./curvature.js";

export interface ChanVeseOptions {
  readonly iterations: number;
  /** Curvature smoothings an iteration. */
  readonly smoothing: number;
  /** Weight of the spread inside; a larger one makes the inside more uniform. */
  readonly lambdaInside: number;
  /** Weight of the spread outside. */
  readonly lambdaOutside: number;
}

/**
 * Active contour without edges, by morphology (MorphACWE; scikit-image's `morphological_chan_vese`, voxel for voxel):
 * each voxel on the outline goes to the side whose mean is closer, then the outline is smoothed.
 *
 * @param start non-zero is inside at the start
 * @returns ones inside
 */
export function chanVese(image: Float32Array, size: Size3, start: Uint8Array, options: ChanVeseOptions): Uint8Array {
  const front = contourFront(start, size);
  const { padded, strides } = front;
  const curvature = curvatureSmoothing(front);
  const paddedShape = [size[0] + 2, size[1] + 2] as const;
  const first = front.isFlat ? 0 : 1;
  const hasGradient = (i: number): boolean => {
    const x = i % paddedShape[0];
    const row = (i - x) / paddedShape[0];
    const y = row % paddedShape[1];
    const z = (row - y) / paddedShape[1];
    return (
      difference(padded, i, x - 1, size[0], strides[0]) !== 0 ||
      difference(padded, i, y - 1, size[1], strides[1]) !== 0 ||
      difference(padded, i, z - first, size[2], strides[2]) !== 0
    );
  };
  for (let n = 0; n < options.iterations; n++) {
    const [outside, inside] = means(image, front.result());
    front.update((i) => {
      if (!hasGradient(i)) return padded[i];
      const value = image[front.imageIndex(i)];
      const force = options.lambdaInside * (value - inside) ** 2 - options.lambdaOutside * (value - outside) ** 2;
      return force < 0 ? 1 : force > 0 ? 0 : padded[i];
    });
    for (let s = 0; s < options.smoothing; s++) curvature.smooth();
  }
  return front.result();
}

/**
 * Means outside and inside; 0 for an empty side, as the reference has it. Sums are of differences to one voxel, so that
 * both sides of a constant image have the very same mean.
 */
function means(image: Float32Array, inside: Uint8Array): readonly [number, number] {
  const [base = 0] = image;
  let sum = 0;
  let sumInside = 0;
  let countInside = 0;
  for (let i = 0; i < image.length; i++) {
    const difference = image[i] - base;
    sum += difference;
    if (inside[i] === 0) continue;
    sumInside += difference;
    countInside++;
  }
  const countOutside = image.length - countInside;
  return [
    countOutside === 0 ? 0 : base + (sum - sumInside) / countOutside,
    countInside === 0 ? 0 : base + sumInside / countInside,
  ];
}
