import { gapsAmong, type StackLevel } from "#src/formats/series-gaps.js";
import { cross, dot, norm, type Vec3 } from "#src/imaging/affine.js";

/** Where a slice lies, and what tells whether its neighbours are there. */
export interface SlicePlace {
  /** Image Position Patient and Image Orientation Patient, in LPS. */
  readonly positionLps: Vec3;
  readonly orientationLps: readonly number[];
  readonly thicknessMm: number | null;
  /** Spacing Between Slices. */
  readonly declaredStepMm: number | null;
  /** Instance Number. */
  readonly number: number | null;
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
    const { steps, expectedMm, gaps } = gapsAmong(levelsOf(stack));
    if (gaps.length === 0) continue;
    const widest = Math.max(...gaps.map((i) => steps[i] ?? 0)).toFixed(2);
    const count = gaps.length === 1 ? "a gap" : `${gaps.length} gaps`;
    return `series has ${count} in ${steps.length} steps: ${widest} mm found, ${expectedMm.toFixed(2)} mm expected`;
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

/** One slice for each depth along the stack's normal, ascending. */
function levelsOf(stack: readonly SlicePlace[]): StackLevel[] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = stack[0]?.orientationLps ?? [];
  const normal = cross([a, b, c], [d, e, f]);
  const length = norm(normal);
  const sorted = stack
    .map(({ positionLps, ...slice }): StackLevel => ({ ...slice, depthMm: dot(positionLps, normal) / length }))
    .sort((one, other) => one.depthMm - other.depthMm);
  const levels: StackLevel[] = [];
  for (const slice of sorted) {
    if (slice.depthMm - (levels.at(-1)?.depthMm ?? Number.NEGATIVE_INFINITY) >= SAME_PLACE_MM) levels.push(slice);
  }
  return levels;
}
