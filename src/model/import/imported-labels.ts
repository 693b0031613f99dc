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

const TISSUE: CodedTerm = { value: "85756007", scheme: "SCT", meaning: "Tissue" };

/** What an import knows of a label. */
export interface NamedLabel {
  readonly value: number;
  readonly name: string;
  readonly category?: CodedTerm | undefined;
  readonly type?: CodedTerm | undefined;
}

/**
 * Labels with short names of their own, coded terms and colours. Labels are told apart by their short names, in volumes
 * as in DICOM: where names would be the same ("GTV+" and "GTV-"), their values are appended. Where nobody named a term,
 * it is called tissue: a SEG needs a code, and a general one says less than a wrong one.
 */
export function importedLabels(labels: readonly NamedLabel[]): ModelLabel[] {
  const names = distinctNames(labels);
  return labels.map(({ value, name, category = TISSUE, type = TISSUE }, n) => ({
    value,
    name: names[n] ?? "",
    displayName: name,
    category,
    type,
    colourRgb: COLOURS[(value - 1) % COLOURS.length] ?? [230, 159, 0],
  }));
}

function distinctNames(labels: readonly NamedLabel[]): string[] {
  const names = labels.map(({ name }) => shortName(name));
  const isOnly = (name: string) => names.indexOf(name) === names.lastIndexOf(name);
  const taken = new Set(names.filter(isOnly));
  return names.map((short, n) => {
    if (isOnly(short)) return short;
    let name = short;
    do name += `-${labels[n]?.value}`;
    while (taken.has(name));
    taken.add(name);
    return name;
  });
}

/** A name as manifests have them: small letters, digits and hyphens. */
export function shortName(name: string): string {
  const short = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return short === "" ? "label" : short;
}
