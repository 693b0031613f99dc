import { gapsAmong, type StackLevel } from "#src/formats/series-gaps.js";
import { type ContrastSlice, splitByContrast } from "#src/formats/split-contrasts.js";
import { cross, dot, norm } from "#src/imaging/affine.js";

/** Where a slice lies, and what tells whether its neighbours are there. */
export interface SlicePlace extends ContrastSlice {
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
 * A gap between slices, in words; null where there is none to see. Each orientation is a stack of its own, and so is
 * each contrast that Inspect would make an image of; several slices in one place count once, and what is a gap is what Inspect would refuse as one. Missing slices at either end
 * leave no gap.
 */
export function gapInSeries(places: readonly SlicePlace[]): string | null {
  for (const levels of stacksOf(places).flatMap(imagesOf)) {
    const { steps, expectedMm, gaps } = gapsAmong(levels);
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

/** A slice and how far along the stack's normal it lies. */
type Level = SlicePlace & StackLevel;

/** The levels of a stack, by contrast where no two slices lie in one place. */
function imagesOf(stack: readonly SlicePlace[]): Level[][] {
  const levels = levelsOf(stack);
  const contrasts = levels.length === stack.length ? splitByContrast(levels) : null;
  return contrasts === null ? [levels] : contrasts.groups.flatMap(imagesOf);
}

/** One slice for each depth along the stack's normal, ascending. */
function levelsOf(stack: readonly SlicePlace[]): Level[] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = stack[0]?.orientationLps ?? [];
  const normal = cross([a, b, c], [d, e, f]);
  const length = norm(normal);
  const sorted = stack
    .map((slice): Level => ({ ...slice, depthMm: dot(slice.positionLps, normal) / length }))
    .sort((one, other) => one.depthMm - other.depthMm);
  const levels: Level[] = [];
  for (const slice of sorted) {
    if (slice.depthMm - (levels.at(-1)?.depthMm ?? Number.NEGATIVE_INFINITY) >= SAME_PLACE_MM) levels.push(slice);
  }
  return levels;
}
