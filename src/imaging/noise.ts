import type { Size3 } from "./affine.js";
import { percentile } from "./normalise.js";

/** Median of the absolute differences of two normal values, in units of their standard deviation. */
const MEDIAN_DIFFERENCE = 0.6744897501960817 * Math.SQRT2;

/**
 * Standard deviation of an image's noise, from the median absolute difference of neighbours along x: edges are few and
 * move a median little (Donoho and Johnstone 1994, with Haar's finest scale). 0 for an image of one column.
 *
 * @param image on the grid, x fastest
 */
export function noiseDeviation(image: Float32Array, [nx]: Size3): number {
  if (nx < 2) return 0;
  const rows = image.length / nx;
  const differences = new Float32Array(rows * (nx - 1));
  let to = 0;
  for (let row = 0; row < rows; row++) {
    for (let x = 1; x < nx; x++) differences[to++] = Math.abs(image[row * nx + x] - image[row * nx + x - 1]);
  }
  return percentile(differences, 50) / MEDIAN_DIFFERENCE;
}
