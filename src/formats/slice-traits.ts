import type { DataSet } from "dicom-parser";
import { numbersOf, textOf } from "./dicom-file.js";
import { type FrameHeader, GROUP, groupOf, itemsOf } from "./frame-header.js";

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

/** Dimensions that run along the slices of a volume: In-Stack Position Number, Image Position Patient. */
const ALONG_SLICES = new Set(["00209057", "00200032"]);

export function sliceTraits(header: FrameHeader): SliceTraits {
  const { root } = header;
  const content = groupOf(header, GROUP.frameContent);
  const echo = groupOf(header, GROUP.mrEcho);
  const diffusion = groupOf(header, GROUP.mrDiffusion);
  const direction = itemsOf(diffusion, "x00189076")[0] ?? diffusion;
  const heart = groupOf(header, GROUP.cardiacSynchronization);
  const time = groupOf(header, GROUP.temporalPosition);
  const frameType =
    [GROUP.mrImageFrameType, GROUP.ctImageFrameType, GROUP.petFrameType]
      .map((group) => groupOf(header, group))
      .find((group) => group !== root) ?? root;
  const values: Record<TraitName, string | null> = {
    stack: textOf(content, "x00209056"),
    "image type": textOf(root, "x00080008"),
    "frame type": textOf(frameType, "x00089007"),
    "complex component": textOf(frameType, "x00089208"),
    "echo time": doubleOf(echo, "x00189082") ?? textOf(root, "x00180081"),
    "inversion time": textOf(root, "x00180082"),
    "b-value": doubleOf(diffusion, "x00189087") ?? siemensBValue(root),
    "diffusion direction": doublesOf(direction, "x00189089"),
    "temporal position": integerOf(content, "x00209128") ?? textOf(root, "x00200100"),
    "dimension index": dimensionIndex(root, content),
    "convolution kernel": textOf(root, "x00181210"),
    "tube voltage": textOf(root, "x00180060"),
    "acquisition number": integerOf16(content, "x00209156") ?? textOf(root, "x00200012"),
    "trigger time": doubleOf(heart, "x00209153") ?? doubleOf(time, "x0020930d") ?? textOf(root, "x00181060"),
    "acquisition time": textOf(content, "x00189074") ?? textOf(root, "x0008002a") ?? textOf(root, "x00080032"),
    "content time": textOf(root, "x00080033"),
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
  const values = itemsOf(root, "x00209222").flatMap((dimension, n) => {
    const pointer = `${hex(dimension.uint16("x00209165", 0))}${hex(dimension.uint16("x00209165", 1))}`;
    const value = 4 * n + 4 <= element.length ? content.uint32("x00209157", n) : undefined;
    return ALONG_SLICES.has(pointer) || value === undefined ? [] : [value];
  });
  return values.length === 0 ? null : values.join(" ");
}

/** Siemens keeps the b-value of classic images in (0019,xx0C) of its block "SIEMENS MR HEADER". */
function siemensBValue(root: DataSet): string | null {
  return textOf(root, "x00190010") === "SIEMENS MR HEADER" ? textOf(root, "x0019100c") : null;
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
