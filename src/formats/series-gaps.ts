/** One level of a stack of slices, as far as gaps need it. */
export interface StackLevel {
  /** Along the slice normal. */
  readonly depthMm: number;
  readonly thicknessMm: number | null;
  /** Spacing Between Slices. */
  readonly declaredStepMm: number | null;
  /** Instance Number. */
  readonly number: number | null;
}

/** Steps between neighbouring levels, the step that is expected, and the indices of steps that lack slices. */
export interface StackSteps {
  readonly steps: readonly number[];
  readonly expectedMm: number;
  readonly gaps: readonly number[];
}

/** Steps that differ less than this from the median, or than 2 % of it, are equal. */
const STEP_TOLERANCE_MM = 0.02;
const STEP_TOLERANCE = 0.02;
const GAP_FACTOR = 1.5;

/** Whether two distances between slices are one. */
export function isSameStep(mm: number, expectedMm: number): boolean {
  return Math.abs(mm - expectedMm) <= Math.max(STEP_TOLERANCE_MM, STEP_TOLERANCE * expectedMm);
}

/** The lower one of an even number. */
export function lowerMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? 0;
}

/**
 * Steps that lack slices. Those of 1.5 times the median (the lower one of an even number) or more do, unless they are
 * common (more than a quarter of all) and either no whole multiple of the median or bridged by slices as thick as they
 * are: then they are a second spacing. Where all are equal, all lack slices that are a whole multiple of what the
 * header says (`thinnedFrom`).
 *
 * @param levels ascending, no two in one place
 */
export function gapsAmong(levels: readonly StackLevel[]): StackSteps {
  const steps = levels.slice(1).map(({ depthMm }, i) => depthMm - (levels[i]?.depthMm ?? depthMm));
  const median = lowerMedian(steps);
  const large = steps.flatMap((step, i) => (step >= GAP_FACTOR * median ? [i] : []));
  const isCommon = large.length > 1 && large.length * 4 > steps.length;
  const gaps = large.filter((i) => {
    const step = steps[i] ?? 0;
    const thickness = Math.max(levels[i]?.thicknessMm ?? 0, levels[i + 1]?.thicknessMm ?? 0);
    return !isCommon || (wholeMultiple(step, median) !== null && step >= GAP_FACTOR * thickness);
  });
  if (gaps.length > 0) return { steps, expectedMm: median, gaps };
  const expectedMm = thinnedFrom(levels, steps, median);
  return expectedMm === null
    ? { steps, expectedMm: median, gaps }
    : { steps, expectedMm, gaps: steps.map((_, i) => i) };
}

/**
 * Whether slices lie twice as far apart as they are thick, or farther, and Spacing Between Slices does not say so:
 * every other one may be missing. 2-D stacks with gaps that wide exist, too.
 */
export function areFarApart(levels: readonly StackLevel[], medianMm: number): boolean {
  const thicknessMm = agreed(levels.map((level) => level.thicknessMm));
  const declaredMm = agreed(levels.map((level) => level.declaredStepMm));
  if (levels.length < 2 || thicknessMm === null) return false;
  const saysSo = declaredMm !== null && isSameStep(medianMm, declaredMm);
  return !saysSo && medianMm >= 2 * (1 - STEP_TOLERANCE) * thicknessMm;
}

/**
 * The distance that equal steps should have, where they are a whole multiple of it; null where nothing says so.
 *
 * Some vendors mean the gap by Spacing Between Slices, not the distance of slices: what is explained by that, or by
 * slices that touch each other, lacks slices only where Instance Numbers have the same gaps.
 */
function thinnedFrom(levels: readonly StackLevel[], steps: readonly number[], median: number): number | null {
  const declaredMm = agreed(levels.map((level) => level.declaredStepMm));
  const multiple = declaredMm === null ? null : wholeMultiple(median, declaredMm);
  if (declaredMm === null || multiple === null || multiple < 2) return null;
  if (!steps.every((step) => isSameStep(step, median))) return null;
  const thicknessMm = agreed(levels.map((level) => level.thicknessMm));
  const isExplained =
    thicknessMm !== null &&
    (isSameStep(median, thicknessMm + declaredMm) || median <= thicknessMm * (1 + STEP_TOLERANCE));
  const skips = levels
    .slice(1)
    .map(({ number }, i) => Math.abs((number ?? Number.NaN) - (levels[i]?.number ?? Number.NaN)));
  return !isExplained || skips.every((skip) => skip === multiple) ? declaredMm : null;
}

/** How many times as large a step is as another one; null where that is no whole number. */
function wholeMultiple(step: number, unit: number): number | null {
  const ratio = step / unit;
  return Math.abs(ratio - Math.round(ratio)) <= STEP_TOLERANCE * ratio ? Math.round(ratio) : null;
}

/** The value that all levels have, within tolerance; null where one has none or another. */
function agreed(values: readonly (number | null)[]): number | null {
  const [first = null] = values;
  return first !== null && values.every((value) => value !== null && isSameStep(value, first)) ? first : null;
}
