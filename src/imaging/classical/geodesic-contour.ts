import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { percentile } from "#src/imaging/normalise.js";
import { contourFront, difference } from "./contour-front.js";
import { curvatureSmoothing } from "./curvature.js";
import { gaussianGradientMagnitude } from "./gaussian.js";

/**
 * 1 / sqrt(1 + alpha * |gradient of the smoothed image|): near 1 in flat parts, small at edges (scikit-image's
 * `inverse_gaussian_gradient`).
 *
 * @param alpha steepness, for a gradient in intensity units a unit of `spacing`
 * @param sigma width of the smoothing in units of `spacing`
 */
export function inverseGaussianGradient(
  image: Float32Array,
  size: Size3,
  alpha: number,
  sigma: number,
  spacing: Vec3 = [1, 1, 1],
): Float32Array {
  return gaussianGradientMagnitude(image, size, sigma, spacing).map((slope) => 1 / Math.sqrt(1 + alpha * slope));
}

export interface GeodesicContourOptions {
  readonly iterations: number;
  /** Curvature smoothings an iteration. */
  readonly smoothing: number;
  /** Pushes the outline outwards (above 0) or inwards (below 0) where the edge image allows; 0 is off. */
  readonly balloon: number;
  /** Below this value of the edge image the balloon stops; "auto": its 40th percentile. */
  readonly threshold: number | "auto";
}

/**
 * Geodesic active contour, by morphology (MorphGAC; scikit-image's `morphological_geodesic_active_contour`, voxel for
 * voxel): balloon, attraction to edges, smoothing.
 *
 * @param edges small at edges, as from `inverseGaussianGradient`
 * @param start non-zero is inside at the start
 * @returns ones inside
 */
export function geodesicContour(
  edges: Float32Array,
  size: Size3,
  start: Uint8Array,
  options: GeodesicContourOptions,
): Uint8Array {
  const front = contourFront(start, size);
  const { padded, strides } = front;
  const curvature = curvatureSmoothing(front);
  const { balloon } = options;
  const threshold = options.threshold === "auto" ? percentile(edges, 40) : options.threshold;
  const limit = threshold / Math.abs(balloon);
  const imageStrides = [1, size[0], size[0] * size[1]] as const;

  const inflate = (i: number): number => (edges[front.imageIndex(i)] > limit ? (balloon > 0 ? 1 : 0) : padded[i]);
  const attract = (i: number): number => {
    const at = front.imageIndex(i);
    const x = at % size[0];
    const y = Math.floor(at / size[0]) % size[1];
    const z = Math.floor(at / imageStrides[2]);
    const position = [x, y, z] as const;
    let force = 0;
    for (let axis = 0; axis < 3; axis++) {
      force +=
        difference(edges, at, position[axis], size[axis], imageStrides[axis]) *
        difference(padded, i, position[axis], size[axis], strides[axis]);
    }
    return force > 0 ? 1 : force < 0 ? 0 : padded[i];
  };
  for (let n = 0; n < options.iterations; n++) {
    // Every voxel of the front touches the other side, so a dilation sets all of them and an erosion clears them.
    if (balloon !== 0) front.update(inflate);
    front.update(attract);
    for (let s = 0; s < options.smoothing; s++) curvature.smooth();
  }
  return front.result();
}
