import type { DataSet } from "dicom-parser";
import { numbersOf, textOf } from "./dicom-file.js";
import { type FrameHeader, GROUP, groupOf } from "./frame-header.js";

/** What tells slices of one series apart that lie in one place: name of the trait to its value; absent ones left out. */
export type SliceTraits = Readonly<Partial<Record<TraitName, string>>>;

/**
 * Traits in the order in which they are tried. Those that name a volume come first, moments in time last: a moment
 * may differ from slice to slice of one volume.
 */
export const TRAIT_NAMES = [
  "stack",
  "image type",
  "frame type",
  "complex component",
  "echo time",
  "inversion time",
  "b-value",
  "diffusion direction",
  "temporal position",
  "dimension index",
  "convolution kernel",
  "tube voltage",
  "acquisition number",
  "trigger time",
  "acquisition time",
  "content time",
] as const;
export type TraitName = (typeof TRAIT_NAMES)[number];

/** Traits that order the images of each place even where slices of one volume differ in them. */
export const ORDERING_TRAITS: readonly TraitName[] = [
  "temporal position",
  "acquisition number",
  "trigger time",
  "acquisition time",
  "content time",
];

/** Dimensions that are looked at: real objects have five at most. */
const MAX_DIMENSIONS = 16;
/** Dimensions that run along the slices of a volume: In-Stack Position Number, Image Position Patient. */
const ALONG_SLICES = new Set(["00209057", "00200032"]);

export function sliceTraits(header: FrameHeader): SliceTraits {
  const { root, rootText } = header;
  const content = groupOf(header, GROUP.frameContent);
  const echo = groupOf(header, GROUP.mrEcho);
  const diffusion = groupOf(header, GROUP.mrDiffusion);
  const direction = diffusion.elements.x00189076?.items?.[0]?.dataSet ?? diffusion;
  const heart = groupOf(header, GROUP.cardiacSynchronization);
  const time = groupOf(header, GROUP.temporalPosition);
  const frameType =
    [GROUP.mrImageFrameType, GROUP.ctImageFrameType, GROUP.petFrameType]
      .map((group) => groupOf(header, group))
      .find((group) => group !== root) ?? root;
  const values: Record<TraitName, string | null> = {
    stack: textOf(content, "x00209056"),
    "image type": rootText("x00080008"),
    "frame type": textOf(frameType, "x00089007"),
    "complex component": textOf(frameType, "x00089208"),
    "echo time": doubleOf(echo, "x00189082") ?? rootText("x00180081"),
    "inversion time": rootText("x00180082"),
    "b-value": doubleOf(diffusion, "x00189087") ?? siemensBValue(rootText),
    "diffusion direction": doublesOf(direction, "x00189089"),
    "temporal position": integerOf(content, "x00209128") ?? rootText("x00200100"),
    "dimension index": dimensionIndex(root, content),
    "convolution kernel": rootText("x00181210"),
    "tube voltage": rootText("x00180060"),
    "acquisition number": integerOf16(content, "x00209156") ?? rootText("x00200012"),
    "trigger time": doubleOf(heart, "x00209153") ?? doubleOf(time, "x0020930d") ?? rootText("x00181060"),
    "acquisition time": textOf(content, "x00189074") ?? rootText("x0008002a") ?? rootText("x00080032"),
    "content time": rootText("x00080033"),
  };
  const traits: Partial<Record<TraitName, string>> = {};
  for (const name of TRAIT_NAMES) {
    const value = values[name];
    if (value !== null) traits[name] = value;
  }
  return traits;
}

/** Instance Number, for series in which nothing else tells volumes apart; null where it is no whole number. */
export function instanceNumber(root: DataSet): number | null {
  const value = numbersOf(root, "x00200013", 1)?.[0];
  return value !== undefined && Number.isSafeInteger(value) ? value : null;
}

/** The frame's place along every declared dimension but those that run along the slices. */
function dimensionIndex(root: DataSet, content: DataSet): string | null {
  const element = content.elements.x00209157;
  if (element === undefined) return null;
  const dimensions = (root.elements.x00209222?.items ?? []).slice(0, MAX_DIMENSIONS);
  const values = dimensions.flatMap(({ dataSet: dimension }, n) => {
    if (dimension === undefined) return [];
    const pointer = `${hex(dimension.uint16("x00209165", 0))}${hex(dimension.uint16("x00209165", 1))}`;
    const value = 4 * n + 4 <= element.length ? content.uint32("x00209157", n) : undefined;
    return ALONG_SLICES.has(pointer) || value === undefined ? [] : [value];
  });
  return values.length === 0 ? null : values.join(" ");
}

/** Siemens keeps the b-value of classic images in (0019,xx0C) of its block "SIEMENS MR HEADER". */
function siemensBValue(rootText: FrameHeader["rootText"]): string | null {
  return rootText("x00190010") === "SIEMENS MR HEADER" ? rootText("x0019100c") : null;
}

function hex(value: number | undefined): string {
  return (value ?? 0).toString(16).padStart(4, "0").toUpperCase();
}

function doubleOf(dataSet: DataSet, tag: string): string | null {
  const element = dataSet.elements[tag];
  if (element === undefined || element.length < 8) return null;
  const value = dataSet.double(tag);
  return value === undefined ? null : String(value);
}

function doublesOf(dataSet: DataSet, tag: string): string | null {
  const element = dataSet.elements[tag];
  if (element === undefined || element.length !== 24) return null;
  return [0, 1, 2].map((i) => dataSet.double(tag, i)).join(" ");
}

function integerOf(dataSet: DataSet, tag: string): string | null {
  const element = dataSet.elements[tag];
  return element === undefined || element.length < 4 ? null : String(dataSet.uint32(tag));
}

function integerOf16(dataSet: DataSet, tag: string): string | null {
  const element = dataSet.elements[tag];
  return element === undefined || element.length < 2 ? null : String(dataSet.uint16(tag));
}
