import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { squaredDistances } from "#src/imaging/distance-transform.js";

/**
 * Voxels at which labels are uncertain, and those around them, ascending.
 *
 * @param probabilities one array a label on the grid, x fastest
 * @param below uncertain is where no label reaches this probability
 * @param marginMm distance up to which the voxels around one belong to it
 */
export function uncertainPoints(
  probabilities: readonly Float32Array[],
  size: Size3,
  spacingMm: Vec3,
  { below, marginMm }: { readonly below: number; readonly marginMm: number },
): Uint32Array {
  const uncertain = new Uint8Array(size[0] * size[1] * size[2]).fill(1);
  for (const values of probabilities) {
    for (let i = 0; i < uncertain.length; i++) if ((values[i] as number) >= below) uncertain[i] = 0;
  }
  if (!uncertain.includes(1)) return new Uint32Array(0);
  const distances = squaredDistances(uncertain, size, spacingMm, "set", marginMm);
  const limit = marginMm * marginMm * (1 + 1e-5);
  let count = 0;
  for (const square of distances) if (square <= limit) count++;
  const points = new Uint32Array(count);
  for (let i = 0, to = 0; i < distances.length; i++) if ((distances[i] as number) <= limit) points[to++] = i;
  return points;
}
