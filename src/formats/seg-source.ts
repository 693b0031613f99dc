import { derivedUid } from "#src/core/ids.js";
import { norm, type Vec3 } from "#src/imaging/affine.js";
import type { DicomElement, DicomElements } from "./dicom-write.js";
import type { DicomSource } from "./scan.js";

/** Repeated of the source where it is there. */
const COPIED = [
  ...["00081030", "00080201", "00100021", "00101010", "00101020", "00101030", "00120062", "00120063"],
  // Of a de-identified source alone.
  ...["00120064", "00280303"],
];
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
 * What a segmentation repeats of its source: patient, study, frame of reference, the series and instances it was made
 * from (each instance once, however many slices it holds), orientation and pixel measures; its date is the source's.
 */
export function sourceElements(source: DicomSource): Record<string, DicomElement> {
  return {
    ...copiedFrom(source),
    // The latest date that the source gives; the standard asks for one, and there is no clock to ask.
    "00080023": { vr: "DA", Value: [firstMatching(source, DATES, /^\d{8}$/) ?? "19000101"] },
    "00080033": { vr: "TM", Value: [firstMatching(source, TIMES, /^\d{6}(\.\d{1,6})?$/) ?? "000000"] },
    "00081115": { vr: "SQ", Value: [referencedSeries(source)] },
    "0020000D": { vr: "UI", Value: [source.studyInstanceUid] },
    "00200052": { vr: "UI", Value: [frameOfReference(source)] },
    "52009229": { vr: "SQ", Value: [sharedGroups(source)] },
  };
}

const DATES = ["00080023", "00080022", "00080021", "00080020"];
const TIMES = ["00080033", "00080032", "00080031", "00080030"];

function copiedFrom(source: DicomSource): Record<string, DicomElement> {
  const copied: Record<string, DicomElement> = {};
  for (const tag of COPIED) {
    const element = source.attributes[tag];
    if (element?.Value !== undefined) copied[tag] = element;
  }
  for (const [tag, vr] of Object.entries(COPIED_OR_EMPTY)) copied[tag] = source.attributes[tag] ?? { vr };
  return copied;
}

function referencedSeries(source: DicomSource): DicomElements {
  const instances = new Map(source.slices.map((slice) => [slice.sopInstanceUid, slice.sopClassUid]));
  return {
    "0008114A": {
      vr: "SQ",
      Value: [...instances].map(([instanceUid, classUid]) => ({
        "00081150": { vr: "UI", Value: [classUid] },
        "00081155": { vr: "UI", Value: [instanceUid] },
      })),
    },
    "0020000E": { vr: "UI", Value: [source.seriesInstanceUid] },
  };
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

function firstMatching(source: DicomSource, tags: readonly string[], form: RegExp): string | undefined {
  const values = tags.map((tag) => source.attributes[tag]?.Value?.[0]);
  return values.find((value): value is string => typeof value === "string" && form.test(value));
}
