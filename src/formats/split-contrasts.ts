import { dot, type Vec3 } from "#src/imaging/affine.js";
import type { DicomInstance } from "./dicom-instance.js";
import { isSameStep, lowerMedian } from "./series-gaps.js";
import { normalOf } from "./slice-axes.js";
import { ORDERING_TRAITS, TRAIT_NAMES, type TraitName } from "./slice-traits.js";

/** Traits that change what a slice shows: not where it was counted, nor when it was taken. */
const CONTRAST_TRAITS = TRAIT_NAMES.filter(
  (trait) => trait !== "stack" && trait !== "dimension index" && !ORDERING_TRAITS.includes(trait),
);
/** Of MR alone: of CT they tell how a slice was put together, too ("ADD"), which the eye does not see. */
const OF_MR: ReadonlySet<TraitName> = new Set(["image type", "frame type", "complex component"]);
/** Numbers that differ less than this, relatively, are one contrast: scanners round, and adjust. */
const SAME_CONTRAST = 0.01;
/** Two slices are always evenly spaced, and could be any two of the others' with another value in their headers. */
const FEWEST_SLICES = 3;

/** What the slices of one contrast have in common, as far as a header says it: name of the trait to its value. */
export type Contrast = Readonly<Partial<Record<string, string>>>;

/** A slice that can be told from others by its contrast. */
export interface ContrastSlice {
  /** Image Position Patient and Image Orientation Patient, in LPS. */
  readonly positionLps: Vec3;
  readonly orientationLps: readonly number[];
  readonly contrast: Contrast;
}

export function contrastOf({ modality, traits }: Pick<DicomInstance, "modality" | "traits">): Contrast {
  const contrast: Record<string, string> = {};
  for (const trait of CONTRAST_TRAITS) {
    const value = OF_MR.has(trait) && modality !== "MR" ? "" : (traits[trait] ?? "");
    if (value !== "") contrast[trait] = value;
  }
  return contrast;
}

/** Traits in which slices were made with different contrast. What a slice does not say is no difference. */
export function mixedContrasts(slices: readonly DicomInstance[]): TraitName[] {
  const all = slices.map(contrastOf);
  return CONTRAST_TRAITS.filter((trait) => {
    const said = all.filter((contrast) => contrast[trait] !== undefined);
    return byContrast(said, (contrast) => contrast[trait] ?? "").length > 1;
  });
}

/**
 * Slices no two of which lie in one place, by a trait of their contrast that all of them say and each value of which
 * makes regular slices of itself, three at least: an echo beside or between those of another. Null where no trait does,
 * as where single slices differ.
 *
 * @param slices ascending along their normal
 */
export function splitByContrast<T extends ContrastSlice>(
  slices: readonly T[],
): { readonly trait: TraitName; readonly groups: readonly T[][] } | null {
  for (const trait of CONTRAST_TRAITS) {
    if (slices.some(({ contrast }) => contrast[trait] === undefined)) continue;
    const groups = byContrast(slices, ({ contrast }) => contrast[trait] ?? "");
    if (groups.length > 1 && groups.every(isRegular)) return { trait, groups };
  }
  return null;
}

/** In the order of first slices, which stay in theirs. */
function byContrast<T>(slices: readonly T[], saidBy: (slice: T) => string): T[][] {
  const contrastFor = contrasts(new Set(slices.map(saidBy)));
  const groups = new Map<string, T[]>();
  for (const slice of slices) {
    const contrast = contrastFor(saidBy(slice));
    const group = groups.get(contrast);
    if (group === undefined) groups.set(contrast, [slice]);
    else group.push(slice);
  }
  return [...groups.values()];
}

/** Of each value the contrast that it stands for: of numbers that are nearly the same, the smallest. */
function contrasts(values: ReadonlySet<string>): (value: string) => string {
  const known = new Map<string, string>();
  let [before, contrast] = [Number.NaN, ""];
  const numbers = [...values].filter((value) => value !== "" && Number.isFinite(Number(value)));
  for (const value of numbers.toSorted((a, b) => Number(a) - Number(b))) {
    const number = Number(value);
    if (!(number - before <= SAME_CONTRAST * Math.abs(number))) contrast = value;
    known.set(value, contrast);
    before = number;
  }
  return (value) => known.get(value) ?? value;
}

function isRegular(slices: readonly ContrastSlice[]): boolean {
  const [first] = slices;
  if (first === undefined || slices.length < FEWEST_SLICES) return false;
  const normal = normalOf(first);
  const depths = slices.map((slice) => dot(slice.positionLps, normal));
  const steps = depths.slice(1).map((depth, i) => depth - (depths[i] ?? depth));
  return steps.every((step) => isSameStep(step, lowerMedian(steps)));
}
