/** Heights nearer than this share of a pixel are one: positions are decimal text. */
const SAME_HEIGHT = 0.01;
/** How far a distance may be from a whole number of steps, in steps. */
const OFF_STEP = 0.05;

/** What a frame says of the slices around it, in mm; null where it does not. */
interface FrameMeasures {
  readonly sliceStepMm: number | null;
  readonly sliceThicknessMm: number | null;
}

/**
 * Heights of frames along their normal, ascending, each once. Two programs may round the same positions differently, so
 * that a header which says how far apart slices are, or how thick, widens what is one height.
 *
 * @param pixelMm smaller side of a pixel
 */
export function distinctHeights(
  heights: readonly number[],
  pixelMm: number,
  { sliceStepMm, sliceThicknessMm }: FrameMeasures,
): number[] {
  const same = Math.max(SAME_HEIGHT * pixelMm, OFF_STEP * (sliceStepMm ?? sliceThicknessMm ?? 0));
  const distinct: number[] = [];
  for (const height of heights.toSorted((a, b) => a - b)) {
    if (height - (distinct.at(-1) ?? Number.NEGATIVE_INFINITY) > same) distinct.push(height);
  }
  return distinct;
}

/**
 * Distance between the slices of frames, and the number of slices from the lowest to the highest. The frames' positions
 * rule: slices may be thicker or thinner than their distance, and other programs write the one for the other. What the
 * header says of the distance is believed where the positions are whole multiples of it (slices without frames between
 * them). Without it the thickness is, where there are so few frames that their distances say nothing: one slice, or
 * distances that are whole multiples of the thickness and not of each other, or a single one.
 *
 * @param heights as of `distinctHeights`
 * @returns a step of 0 where nothing says it
 */
export function sliceSteps(
  heights: readonly number[],
  { sliceStepMm, sliceThicknessMm }: FrameMeasures,
): { readonly stepMm: number; readonly slices: number } {
  const gaps = heights.slice(1).map((height, i) => height - (heights[i] ?? height));
  if (gaps.length === 0) return { stepMm: sliceStepMm ?? sliceThicknessMm ?? 0, slices: 1 };
  gaps.sort((a, b) => a - b);
  const [smallest = 0] = gaps;
  let stepMm = smallest;
  if (sliceStepMm !== null) {
    if (isWhole(smallest / sliceStepMm)) stepMm = sliceStepMm;
  } else if (sliceThicknessMm !== null) {
    const isGuess = gaps.length === 1 || gaps.some((gap) => !isWhole(gap / smallest));
    if (isGuess && gaps.every((gap) => isWhole(gap / sliceThicknessMm))) stepMm = sliceThicknessMm;
  }
  // Positions are rounded: the step is measured over all gaps, small ones first, so that large ones are counted right.
  let [steps, span] = [0, 0];
  for (const gap of gaps) {
    steps += Math.round(gap / stepMm);
    span += gap;
    stepMm = span / steps;
  }
  return { stepMm, slices: steps + 1 };
}

function isWhole(steps: number): boolean {
  const whole = Math.round(steps);
  return whole >= 1 && Math.abs(steps - whole) <= OFF_STEP;
}
