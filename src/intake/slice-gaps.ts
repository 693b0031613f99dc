import { gapsAmong } from "#src/formats/series-geometry.js";
import { cross, dot, norm, type Vec3 } from "#src/imaging/affine.js";

/** Image Position Patient, Image Orientation Patient (in LPS) and thickness of a slice. */
export interface SlicePlace {
  readonly positionLps: Vec3;
  readonly orientationLps: readonly number[];
  readonly thicknessMm: number | null;
}

/** Slices nearer than this, in mm, lie in one place: echoes, phases, copies. */
const SAME_PLACE_MM = 0.01;
/** Largest difference of a direction cosine within one stack. */
const SAME_DIRECTION = 1e-3;

/**
 * A gap between slices, in words; null where there is none to see. Each orientation is a stack of its own, several
 * slices in one place count once, and what is a gap is what Inspect would refuse as one. Missing slices at either end
 * leave no gap.
 */
export function gapInSeries(places: readonly SlicePlace[]): string | null {
  for (const stack of stacksOf(places)) {
    const levels = levelsOf(stack);
    const steps = levels.slice(1).map(({ depth }, i) => depth - (levels[i]?.depth ?? depth));
    const { median, gaps } = gapsAmong(
      steps,
      levels.map(({ thicknessMm }) => thicknessMm),
    );
    // Of two slices the one step is the median.
    if (gaps.length === 0 || steps.length < 2) continue;
    const widest = Math.max(...gaps.map((i) => steps[i] ?? 0)).toFixed(2);
    const count = gaps.length === 1 ? "a gap" : `${gaps.length} gaps`;
    return `series has ${count} in ${steps.length} steps: ${widest} mm found, ${median.toFixed(2)} mm expected`;
  }
  return null;
}

function stacksOf(places: readonly SlicePlace[]): SlicePlace[][] {
  const stacks: SlicePlace[][] = [];
  for (const place of places) {
    const stack = stacks.find(([first]) => first !== undefined && isParallel(first, place));
    if (stack === undefined) stacks.push([place]);
    else stack.push(place);
  }
  return stacks;
}

function isParallel(a: SlicePlace, b: SlicePlace): boolean {
  return a.orientationLps.every((cosine, i) => Math.abs(cosine - (b.orientationLps[i] ?? 0)) <= SAME_DIRECTION);
}

/** One slice for each depth along the stack's normal, in mm, ascending. */
function levelsOf(stack: readonly SlicePlace[]): { depth: number; thicknessMm: number | null }[] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = stack[0]?.orientationLps ?? [];
  const normal = cross([a, b, c], [d, e, f]);
  const length = norm(normal);
  const sorted = stack
    .map(({ positionLps, thicknessMm }) => ({ depth: dot(positionLps, normal) / length, thicknessMm }))
    .sort((one, other) => one.depth - other.depth);
  const levels: typeof sorted = [];
  for (const slice of sorted) {
    if (slice.depth - (levels.at(-1)?.depth ?? Number.NEGATIVE_INFINITY) >= SAME_PLACE_MM) levels.push(slice);
  }
  return levels;
}
