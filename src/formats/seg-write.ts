import { derivedUid, type ResultId } from "#src/core/ids.js";
import { RESULT_VERSION } from "#src/core/versions.js";
import { norm, type Vec3 } from "#src/imaging/affine.js";
import type { Volume } from "#src/imaging/volume.js";
import { cieLabOf } from "./cielab.js";
import { type DicomElement, type DicomElements, writeDicomFile } from "./dicom-write.js";
import type { DicomSlice, DicomSource } from "./scan.js";

/** A coded term: value, scheme (SCT, DCM) and meaning. */
interface SegCode {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

/** One segment: a value of the label map and what it stands for. */
export interface SegSegment {
  readonly value: number;
  readonly name: string;
  readonly displayName: string;
  readonly category: SegCode;
  readonly type: SegCode;
  readonly modifier?: SegCode | undefined;
  readonly colourRgb: readonly [number, number, number];
}

export interface SegOptions {
  /** On the source's grid: x along rows, y along columns, z in the order of `source.slices`. */
  readonly labels: Volume<Uint8Array | Uint16Array>;
  readonly source: DicomSource;
  /** In the order of their segment numbers, which count from 1. */
  readonly segments: readonly SegSegment[];
  /** The model that made the labels. */
  readonly algorithm: { readonly name: string; readonly version: string };
  /** Every UID of the object is derived from this. */
  readonly identity: ResultId;
}

const SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4";
const NOTICE = "Research use only, not a medical device";
const DERIVATION_SEGMENTATION: SegCode = { value: "113076", scheme: "DCM", meaning: "Segmentation" };
const PURPOSE_SOURCE: SegCode = {
  value: "121322",
  scheme: "DCM",
  meaning: "Source image for image processing operation",
};
const FAMILY_AI: SegCode = { value: "123110", scheme: "DCM", meaning: "Artificial Intelligence" };

/** Repeated of the source where it is there. */
const COPIED = ["00100021", "00120062", "00120063", "00101010", "00101020", "00101030", "00081030", "00080201"];
/** Repeated of the source, and empty where it is not there: required, but may be empty (type 2). */
const COPIED_OR_EMPTY: Readonly<Record<string, string>> = {
  "00080020": "DA",
  "00080030": "TM",
  "00080050": "SH",
  "00080090": "PN",
  "00100010": "PN",
  "00100020": "LO",
  "00100030": "DA",
  "00100040": "CS",
  "00200010": "SH",
  "00201040": "LO",
};

/**
 * A label map as a DICOM segmentation (BINARY, one bit a pixel, explicit VR little endian).
 *
 * Frames: every slice of every segment, empty ones too (some viewers fail on segmentations without them), segment by
 * segment, slices in the order of the volume's z axis, each with its source slice's position. Dates and times are the
 * source's. Same options, same bytes.
 *
 * @throws {RangeError} when labels and source differ in slices, or a label has no segment
 */
export function writeSeg(options: SegOptions): Uint8Array {
  const { labels, source, segments, identity } = options;
  const [columns, rows, depth] = labels.size;
  if (depth !== source.slices.length) {
    throw new RangeError(`labels must have ${source.slices.length} slices like the source, got ${depth}`);
  }
  const dimensionUid = derivedUid(identity, "seg", "dimensions");
  return writeDicomFile({
    ...copiedFrom(source),
    "00080005": { vr: "CS", Value: ["ISO_IR 192"] },
    "00080008": { vr: "CS", Value: ["DERIVED", "PRIMARY"] },
    "00080016": { vr: "UI", Value: [SEGMENTATION_STORAGE] },
    "00080018": { vr: "UI", Value: [derivedUid(identity, "seg", "instance")] },
    "00080023": { vr: "DA", Value: [sourceDate(source)] },
    "00080033": { vr: "TM", Value: [sourceTime(source)] },
    "00080060": { vr: "CS", Value: ["SEG"] },
    "00080070": { vr: "LO", Value: ["scanlane"] },
    "0008103E": { vr: "LO", Value: [`${options.algorithm.name} (research use only)`.slice(0, 64)] },
    "00081090": { vr: "LO", Value: [options.algorithm.name.slice(0, 64)] },
    "00081115": { vr: "SQ", Value: [referencedSeries(source)] },
    "00181000": { vr: "LO", Value: [identity.slice(0, 16)] },
    // The version of the arithmetic, not of the package: equal results stay equal bytes.
    "00181020": { vr: "LO", Value: [`result-${RESULT_VERSION}`, `model-${options.algorithm.version}`.slice(0, 64)] },
    "0020000D": { vr: "UI", Value: [source.studyInstanceUid] },
    "0020000E": { vr: "UI", Value: [derivedUid(identity, "seg", "series")] },
    "00200011": { vr: "IS", Value: [1000] },
    "00200013": { vr: "IS", Value: [1] },
    "00200052": { vr: "UI", Value: [frameOfReference(source)] },
    "00209221": { vr: "SQ", Value: [{ "00209164": { vr: "UI", Value: [dimensionUid] } }] },
    "00209222": { vr: "SQ", Value: dimensionIndices(dimensionUid) },
    "00280002": { vr: "US", Value: [1] },
    "00280004": { vr: "CS", Value: ["MONOCHROME2"] },
    "00280008": { vr: "IS", Value: [segments.length * depth] },
    "00280010": { vr: "US", Value: [rows] },
    "00280011": { vr: "US", Value: [columns] },
    "00280100": { vr: "US", Value: [1] },
    "00280101": { vr: "US", Value: [1] },
    "00280102": { vr: "US", Value: [0] },
    "00280103": { vr: "US", Value: [0] },
    "00282110": { vr: "CS", Value: ["00"] },
    "00620001": { vr: "CS", Value: ["BINARY"] },
    "00620002": { vr: "SQ", Value: segments.map((segment, i) => segmentItem(segment, i + 1, options)) },
    "00620013": { vr: "CS", Value: ["NO"] },
    "00700080": { vr: "CS", Value: ["SEGMENTATION"] },
    "00700081": { vr: "LO", Value: [NOTICE] },
    "00700084": { vr: "PN" },
    "52009229": { vr: "SQ", Value: [sharedGroups(source)] },
    "52009230": {
      vr: "SQ",
      Value: segments.flatMap((_, s) => source.slices.map((slice, k) => frameGroups(slice, s + 1, k + 1))),
    },
    "7FE00010": { vr: "OB", Value: [packedFrames(labels, segments)] },
  });
}

/** One bit a pixel, least significant first, frames without a gap between them (PS3.5 8.1.1). */
function packedFrames(labels: Volume<Uint8Array | Uint16Array>, segments: readonly SegSegment[]): Uint8Array {
  const voxels = labels.data;
  const packed = new Uint8Array(Math.ceil((voxels.length * segments.length) / 8));
  const startOf = new Float64Array(65_536).fill(-1);
  for (const [s, segment] of segments.entries()) startOf[segment.value] = s * voxels.length;
  for (let i = 0; i < voxels.length; i++) {
    const label = voxels[i] ?? 0;
    if (label === 0) continue;
    const start = startOf[label] ?? -1;
    if (start < 0) throw new RangeError(`label ${label} has no segment`);
    const bit = start + i;
    const byte = Math.floor(bit / 8);
    packed[byte] = (packed[byte] ?? 0) | (1 << (bit % 8));
  }
  return packed;
}

function copiedFrom(source: DicomSource): Record<string, DicomElement> {
  const copied: Record<string, DicomElement> = {};
  for (const tag of COPIED) {
    const element = source.attributes[tag];
    if (element?.Value !== undefined) copied[tag] = element;
  }
  for (const [tag, vr] of Object.entries(COPIED_OR_EMPTY)) copied[tag] = source.attributes[tag] ?? { vr };
  return copied;
}

function segmentItem(segment: SegSegment, number: number, { algorithm, identity }: SegOptions): DicomElements {
  const type = codeItem(segment.type);
  const modifier = segment.modifier === undefined ? {} : { "00620011": codes(segment.modifier) };
  return {
    "00620003": codes(segment.category),
    "00620004": { vr: "US", Value: [number] },
    "00620005": { vr: "LO", Value: [segment.displayName.slice(0, 64)] },
    "00620007": {
      vr: "SQ",
      Value: [
        {
          "0066002F": codes(FAMILY_AI),
          "00660031": { vr: "LO", Value: [algorithm.version.slice(0, 64)] },
          "00660036": { vr: "LO", Value: [algorithm.name.slice(0, 64)] },
        },
      ],
    },
    "00620008": { vr: "CS", Value: ["AUTOMATIC"] },
    "00620009": { vr: "LO", Value: [algorithm.name.slice(0, 64)] },
    "0062000D": { vr: "US", Value: cieLabOf(segment.colourRgb) },
    "0062000F": { vr: "SQ", Value: [{ ...type, ...modifier }] },
    "00620020": { vr: "UT", Value: [segment.name] },
    "00620021": { vr: "UI", Value: [derivedUid(identity, "segment", segment.name)] },
  };
}

function referencedSeries(source: DicomSource): DicomElements {
  return {
    "0008114A": {
      vr: "SQ",
      Value: source.slices.map((slice) => ({
        "00081150": { vr: "UI", Value: [slice.sopClassUid] },
        "00081155": { vr: "UI", Value: [slice.sopInstanceUid] },
      })),
    },
    "0020000E": { vr: "UI", Value: [source.seriesInstanceUid] },
  };
}

function dimensionIndices(uid: string): DicomElements[] {
  const index = (pointer: string, group: string, label: string): DicomElements => ({
    "00209164": { vr: "UI", Value: [uid] },
    "00209165": { vr: "AT", Value: [pointer] },
    "00209167": { vr: "AT", Value: [group] },
    "00209421": { vr: "LO", Value: [label] },
  });
  return [index("0062000B", "0062000A", "Segment Number"), index("00200032", "00209113", "Image Position Patient")];
}

function sharedGroups(source: DicomSource): DicomElements {
  const step = stepMm(source);
  return {
    "00209116": { vr: "SQ", Value: [{ "00200037": { vr: "DS", Value: source.orientationLps } }] },
    "00289110": {
      vr: "SQ",
      Value: [
        {
          "00180050": { vr: "DS", Value: [source.sliceThicknessMm ?? step] },
          "00180088": { vr: "DS", Value: [step] },
          "00280030": { vr: "DS", Value: source.pixelSpacingMm },
        },
      ],
    },
  };
}

function frameGroups(slice: DicomSlice, segment: number, position: number): DicomElements {
  return {
    "00089124": {
      vr: "SQ",
      Value: [
        {
          "00082112": {
            vr: "SQ",
            Value: [
              {
                "00081150": { vr: "UI", Value: [slice.sopClassUid] },
                "00081155": { vr: "UI", Value: [slice.sopInstanceUid] },
                "0028135A": { vr: "CS", Value: ["YES"] },
                "0040A170": codes(PURPOSE_SOURCE),
              },
            ],
          },
          "00089215": codes(DERIVATION_SEGMENTATION),
        },
      ],
    },
    "00209111": { vr: "SQ", Value: [{ "00209157": { vr: "UL", Value: [segment, position] } }] },
    "00209113": { vr: "SQ", Value: [{ "00200032": { vr: "DS", Value: slice.positionLps } }] },
    "0062000A": { vr: "SQ", Value: [{ "0062000B": { vr: "US", Value: [segment] } }] },
  };
}

/** Distance between neighbouring slices; of a single slice its thickness, or 1 where that is not known. */
function stepMm(source: DicomSource): number {
  const first = source.slices[0];
  const last = source.slices.at(-1);
  if (first === undefined || last === undefined || first === last) return source.sliceThicknessMm ?? 1;
  const way = first.positionLps.map((from, axis) => (last.positionLps[axis] ?? 0) - from) as unknown as Vec3;
  return norm(way) / (source.slices.length - 1);
}

function frameOfReference(source: DicomSource): string {
  return source.frameOfReferenceUid === ""
    ? derivedUid("frame of reference", source.seriesInstanceUid)
    : source.frameOfReferenceUid;
}

/** The latest date that the source gives; the standard asks for one, and there is no clock to ask. */
function sourceDate(source: DicomSource): string {
  return firstMatching(source, ["00080023", "00080022", "00080021", "00080020"], /^\d{8}$/) ?? "19000101";
}

function sourceTime(source: DicomSource): string {
  return firstMatching(source, ["00080033", "00080032", "00080031", "00080030"], /^\d{6}(\.\d{1,6})?$/) ?? "000000";
}

function firstMatching(source: DicomSource, tags: readonly string[], form: RegExp): string | undefined {
  const values = tags.map((tag) => source.attributes[tag]?.Value?.[0]);
  return values.find((value): value is string => typeof value === "string" && form.test(value));
}

function codes(code: SegCode): DicomElement {
  return { vr: "SQ", Value: [codeItem(code)] };
}

function codeItem(code: SegCode): DicomElements {
  return {
    "00080100": { vr: "SH", Value: [code.value] },
    "00080102": { vr: "SH", Value: [code.scheme] },
    "00080104": { vr: "LO", Value: [code.meaning] },
  };
}
