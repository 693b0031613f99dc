import { dot } from "#src/imaging/affine.js";
import type { DicomInstance } from "./dicom-instance.js";
import { isSameStep, lowerMedian } from "./series-gaps.js";
import { normalOf } from "./slice-axes.js";
import type { TraitName } from "./slice-traits.js";

/** Traits that change what a slice shows. Moments, numbers of acquisitions and stacks do not. */
const CONTRAST_TRAITS: readonly TraitName[] = [
  "image type",
  "frame type",
  "complex component",
  "echo time",
  "inversion time",
  "b-value",
  "diffusion direction",
  "convolution kernel",
  "tube voltage",
];
/** Of MR alone: of CT they tell how a slice was put together, too ("ADD"), which the eye does not see. */
const OF_MR: ReadonlySet<TraitName> = new Set(["image type", "frame type", "complex component"]);
/** Numbers that differ less than this, relatively, are one contrast: scanners round, and adjust. */
const SAME_CONTRAST = 0.01;

/** Traits in which slices were made with different contrast. */
export function mixedContrasts(slices: readonly DicomInstance[]): TraitName[] {
  return CONTRAST_TRAITS.filter((trait) => byContrast(slices, trait).length > 1);
}

/**
 * Slices no two of which lie in one place, by a trait of their contrast each value of which makes regular slices of
 * itself: an echo beside or between those of another. Null where no trait does, as where single slices differ.
 *
 * @param slices ascending along their normal
 */
export function splitByContrast(
  slices: readonly DicomInstance[],
): { readonly trait: TraitName; readonly groups: readonly DicomInstance[][] } | null {
  for (const trait of CONTRAST_TRAITS) {
    const groups = byContrast(slices, trait);
    if (groups.length > 1 && groups.every(isRegular)) return { trait, groups };
  }
  return null;
}

/** In the order of first slices, which stay in theirs. */
function byContrast(slices: readonly DicomInstance[], trait: TraitName): DicomInstance[][] {
  const contrastValue = ({ modality, traits }: DicomInstance) =>
    OF_MR.has(trait) && modality !== "MR" ? "" : (traits[trait] ?? "");
  const contrastOf = contrasts(new Set(slices.map(contrastValue)));
  const groups = new Map<string, DicomInstance[]>();
  for (const slice of slices) {
    const contrast = contrastOf(contrastValue(slice));
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

/** A single slice is none: it could be one of the others' with another value in its header. */
function isRegular(slices: readonly DicomInstance[]): boolean {
  const [first] = slices;
  if (first === undefined || slices.length < 2) return false;
  const normal = normalOf(first);
  const depths = slices.map((slice) => dot(slice.positionLps, normal));
  const steps = depths.slice(1).map((depth, i) => depth - (depths[i] ?? depth));
  return steps.every((step) => isSameStep(step, lowerMedian(steps)));
}
