import type { CodedTerm, ModelLabel } from "#src/model/manifest.js";

/** Okabe and Ito's colours, told apart with every kind of colour vision, without black. */
const COLOURS: readonly ModelLabel["colourRgb"][] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
];

/**
 * Coded terms and colour of an imported label. Where nobody named a term, it is called tissue: a SEG needs a code, and
 * a general one says less than a wrong one.
 */
export function labelTerms(
  value: number,
  given: { readonly category?: CodedTerm; readonly type?: CodedTerm } = {},
): Pick<ModelLabel, "category" | "type" | "colourRgb"> {
  return {
    category: given.category ?? { value: "85756007", scheme: "SCT", meaning: "Tissue" },
    type: given.type ?? { value: "85756007", scheme: "SCT", meaning: "Tissue" },
    colourRgb: COLOURS[(value - 1) % COLOURS.length] ?? [230, 159, 0],
  };
}

/** A name as manifests have them: small letters, digits and hyphens. */
export function shortName(name: string): string {
  const short = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return short === "" ? "label" : short;
}
