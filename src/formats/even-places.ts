import type { Vec3 } from "#src/imaging/affine.js";

/** Where slices lie along their normal, but for rounding: the k-th at `firstMm + k * stepMm`. */
export interface EvenPlaces {
  readonly firstMm: number;
  readonly stepMm: number;
}

/**
 * Slices that lie no farther than this from even steps between the first and the last are regular, and keep the places
 * of these two: results may lie 0.1 mm off (the proof of results).
 */
const ENDS_MM = 0.09;
/** What is rounding of thick slices is none of slices that are thinner than that: this share of a step at most. */
const ENDS = 0.25;
/** Each coordinate of a position rounded to 0.1 mm lies up to this far off; the rest is rounding of the arithmetic. */
const ROUNDING_MM = 0.05 + 1e-6;
/** Share of a step at most: the best line lies between the slices, half as far from them as one through the ends may. */
const ROUNDING = 1 / 6;
/** Halvings, more or less, of the range of steps: as many as the digits of a number allow. */
const ROUNDS = 120;

/**
 * The even places of slices whose positions were rounded: those between the first and the last slice, else, as the
 * ends are rounded like the others, those that the farthest slice is nearest to. Null where the slices are uneven.
 *
 * @param depths of at least two slices along their normal, ascending, in millimetres
 * @param normal of the slices: as far as it is oblique, the rounding of several coordinates adds up along it
 */
export function evenPlaces(depths: readonly number[], normal: Vec3): EvenPlaces | null {
  const ends = endPlaces(depths);
  if (farthest(depths, ends) <= Math.min(ENDS_MM, ENDS * ends.stepMm)) return ends;
  const rounding = ROUNDING_MM * (Math.abs(normal[0]) + Math.abs(normal[1]) + Math.abs(normal[2]));
  const best = nearest(depths);
  return farthest(depths, best) <= Math.min(rounding, ROUNDING * best.stepMm) ? best : null;
}

/** Those of even steps from the first slice to the last. */
export function endPlaces(depths: readonly number[]): EvenPlaces {
  const [firstMm = 0] = depths;
  return { firstMm, stepMm: ((depths.at(-1) ?? firstMm) - firstMm) / Math.max(1, depths.length - 1) };
}

function farthest(depths: readonly number[], { firstMm, stepMm }: EvenPlaces): number {
  return depths.reduce((most, depth, k) => Math.max(most, Math.abs(depth - firstMm - k * stepMm)), 0);
}

/** The line of the least largest distance (Chebyshev's): the width that it needs is a convex function of its slope. */
function nearest(depths: readonly number[]): EvenPlaces {
  const range = (stepMm: number): readonly [number, number] => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const [k, depth] of depths.entries()) {
      low = Math.min(low, depth - k * stepMm);
      high = Math.max(high, depth - k * stepMm);
    }
    return [low, high];
  };
  const width = (stepMm: number) => {
    const [low, high] = range(stepMm);
    return high - low;
  };
  const ends = endPlaces(depths);
  const { stepMm } = ends;
  // The line through the ends needs twice its farthest slice at most; any step farther off needs more for the ends alone.
  const reach = (2 * farthest(depths, ends)) / (depths.length - 1);
  let [from, to] = [stepMm - reach, stepMm + reach];
  for (let round = 0; round < ROUNDS; round++) {
    const third = (to - from) / 3;
    if (width(from + third) <= width(to - third)) to -= third;
    else from += third;
  }
  const best = (from + to) / 2;
  const [low, high] = range(best);
  return { firstMm: (low + high) / 2, stepMm: best };
}
