import type { Pseudonyms } from "#src/core/pseudonyms.js";
import type { DicomElement } from "./dicom-write.js";
import type { DicomSource } from "./scan.js";
import { codeSequence } from "./seg-codes.js";

/** Actions of PS3.15 table E.1-1a that are used here: remove, zero length, dummy value, new UID. */
type Action = "X" | "Z" | "D" | "U";

/**
 * What the Basic Application Level Confidentiality Profile (PS3.15 table E.1-1) does to each attribute that derived
 * objects repeat of their source. Where the table leaves a choice (Z/D, X/Z/D), the object's own requirements decide.
 * An attribute that is not here is removed.
 */
export const BASIC_PROFILE: Readonly<Record<string, Action>> = {
  "00080020": "Z", // Study Date
  "00080021": "X", // Series Date
  "00080022": "X", // Acquisition Date
  "00080023": "D", // Content Date
  "00080030": "Z", // Study Time
  "00080031": "X", // Series Time
  "00080032": "X", // Acquisition Time
  "00080033": "D", // Content Time
  "00080050": "Z", // Accession Number
  "00080060": "X", // Modality: objects have their own
  "00080090": "Z", // Referring Physician's Name
  "00080201": "X", // Timezone Offset From UTC
  "00081030": "X", // Study Description
  "00100010": "D", // Patient's Name
  "00100020": "D", // Patient ID
  "00100021": "X", // Issuer of Patient ID
  "00100030": "Z", // Patient's Birth Date
  "00100040": "Z", // Patient's Sex
  "00101010": "X", // Patient's Age
  "00101020": "X", // Patient's Size
  "00101030": "X", // Patient's Weight
  "00120062": "D", // Patient Identity Removed: by PS3.15 E.1.1
  "00120063": "D", // De-identification Method: by PS3.15 E.1.1
  "00180015": "X", // Body Part Examined: free text in practice
  "0020000D": "U", // Study Instance UID
  "00200010": "Z", // Study ID
  "00200011": "X", // Series Number: objects have their own
  "00200052": "U", // Frame of Reference UID
  "00201040": "Z", // Position Reference Indicator: not in the table, and text of whoever was at the scanner
};

/** Dummy date and time: what `sourceElements` writes of a source without any. */
const DUMMY: Readonly<Record<string, DicomElement>> = {
  "00080023": { vr: "DA", Value: ["19000101"] },
  "00080033": { vr: "TM", Value: ["000000"] },
};

/** What a lossy compression took, which the profile does not name. */
const KEPT = ["00282110", "00282112", "00282114"];

/** PS3.15 E.1.1 and E.2: that identity was removed, by which profile, and that no date is left. */
const DECLARATION: Readonly<Record<string, DicomElement>> = {
  "00120062": { vr: "CS", Value: ["YES"] },
  "00120063": { vr: "LO", Value: ["PS3.15 Basic Application Confidentiality Profile"] },
  "00120064": codeSequence({
    value: "113100",
    scheme: "DCM",
    meaning: "Basic Application Confidentiality Profile",
  }),
  "00280303": { vr: "CS", Value: ["REMOVED"] },
};

/** A source without what identifies, and how to find the way back. */
export interface DeidentifiedSource {
  readonly source: DicomSource;
  /** New UID of each original one. */
  readonly uids: ReadonlyMap<string, string>;
}

/**
 * What derived objects may repeat of a series by the basic profile. Geometry stays: the profile does not name it, and
 * without it no result lies where it belongs. References lead to the new UIDs of the instances.
 *
 * Name and ID of the patient become one pseudonym, made of issuer and ID (of a source without an ID: of its study), so
 * that the studies of a patient stay together.
 */
export function deidentifiedSource(source: DicomSource, pseudonyms: Pseudonyms): DeidentifiedSource {
  const uids = new Map<string, string>();
  const renamed = (original: string): string => {
    const uid = pseudonyms.uid(original);
    if (uid !== original) uids.set(original, uid);
    return uid;
  };
  const deidentified: DicomSource = {
    studyInstanceUid: renamed(source.studyInstanceUid),
    seriesInstanceUid: renamed(source.seriesInstanceUid),
    frameOfReferenceUid: renamed(source.frameOfReferenceUid),
    slices: source.slices.map((slice) => ({
      ...slice,
      // A class of a maker's own says nothing to readers, and what else it says nobody knows.
      sopClassUid: renamed(slice.sopClassUid),
      sopInstanceUid: renamed(slice.sopInstanceUid),
    })),
    attributes: attributesOf(source, pseudonyms),
    orientationLps: source.orientationLps,
    pixelSpacingMm: source.pixelSpacingMm,
    sliceThicknessMm: source.sliceThicknessMm,
  };
  return { source: deidentified, uids };
}

function attributesOf(source: DicomSource, pseudonyms: Pseudonyms): DicomSource["attributes"] {
  const emptied = Object.entries(source.attributes)
    .filter(([tag]) => BASIC_PROFILE[tag] === "Z")
    .map(([tag, { vr }]) => [tag, { vr }] as const);
  const patient = pseudonymOfPatient(source, pseudonyms);
  const kept = KEPT.flatMap((tag) => (source.attributes[tag] === undefined ? [] : [[tag, source.attributes[tag]]]));
  return {
    ...Object.fromEntries(kept),
    ...Object.fromEntries(emptied),
    ...DUMMY,
    ...DECLARATION,
    // One component alone would be a form of names that is retired.
    "00100010": { vr: "PN", Value: [{ Alphabetic: `Deidentified^${patient}` }] },
    "00100020": { vr: "LO", Value: [patient] },
  };
}

function pseudonymOfPatient({ attributes, studyInstanceUid }: DicomSource, pseudonyms: Pseudonyms): string {
  const textOf = (tag: string) => String(attributes[tag]?.Value?.[0] ?? "");
  const id = textOf("00100020");
  return id === "" ? pseudonyms.patient("study", studyInstanceUid) : pseudonyms.patient("id", textOf("00100021"), id);
}
