import { type DicomFile, textOf } from "./dicom-file.js";
import type { DicomInstance } from "./dicom-instance.js";
import { decodeText } from "./dicom-text.js";
import { type FittedText, fittedText, type TextFault } from "./repeated-text.js";
import type { DicomSource } from "./scan.js";

/** What derived objects repeat: patient, study, patient study, and the dates that stand in for a clock. */
const COPIED: Readonly<Record<string, string>> = {
  "00080020": "DA", // Study Date
  "00080021": "DA", // Series Date
  "00080022": "DA", // Acquisition Date
  "00080023": "DA", // Content Date
  "00080030": "TM", // Study Time
  "00080031": "TM", // Series Time
  "00080032": "TM", // Acquisition Time
  "00080033": "TM", // Content Time
  "00080050": "SH", // Accession Number
  "00080060": "CS", // Modality
  "00080090": "PN", // Referring Physician's Name
  "00080201": "SH", // Timezone Offset From UTC
  "00081030": "LO", // Study Description
  "00100010": "PN", // Patient's Name
  "00100020": "LO", // Patient ID
  "00100021": "LO", // Issuer of Patient ID
  "00100030": "DA", // Patient's Birth Date
  "00100040": "CS", // Patient's Sex
  "00101010": "AS", // Patient's Age
  "00101020": "DS", // Patient's Size
  "00101030": "DS", // Patient's Weight
  "00120062": "CS", // Patient Identity Removed
  "00120063": "LO", // De-identification Method
  "00180015": "CS", // Body Part Examined
  "00200010": "SH", // Study ID
  "00200011": "IS", // Series Number
  "00200052": "UI", // Frame of Reference UID
  "00201040": "LO", // Position Reference Indicator
  "0020000D": "UI", // Study Instance UID
};
/** Read, and not repeated themselves: dates that stand in for the content's, and what objects have of their own. */
const NOT_REPEATED = new Set(["00080021", "00080022", "00080031", "00080032", "00080060", "00180015", "00200011"]);
const WITH_CHARACTER_SET = new Set(["SH", "LO", "PN"]);

/**
 * What objects derived from a series repeat of it.
 *
 * @param attributes `copiedAttributes` of the first slice
 * @param slices all slices in the order of the volume's z axis
 */
export function dicomSourceOf(attributes: DicomSource["attributes"], slices: readonly DicomInstance[]): DicomSource {
  const first = slices[0];
  if (first === undefined) throw new RangeError("a series needs at least one slice");
  return {
    attributes: { ...attributes, ...lossyAttributes(slices) },
    studyInstanceUid: first.studyInstanceUid,
    seriesInstanceUid: first.seriesInstanceUid,
    frameOfReferenceUid: first.frameOfReferenceUid,
    slices: slices.map(({ sopClassUid, sopInstanceUid, frame, positionLps }) => ({
      sopClassUid,
      sopInstanceUid,
      frame,
      positionLps,
    })),
    orientationLps: first.orientationLps,
    pixelSpacingMm: first.pixelSpacingMm ?? [1, 1],
    sliceThicknessMm: first.sliceThicknessMm,
  };
}

/** What is lost in one slice is lost in the whole; ratio and method are those of the first that lost. */
function lossyAttributes(slices: readonly DicomInstance[]): DicomSource["attributes"] {
  const lossy = slices.find((slice) => slice.lossy !== null)?.lossy ?? null;
  if (lossy === null) return {};
  return {
    "00282110": { vr: "CS", Value: ["01"] },
    ...(lossy.ratios.length > 0 && { "00282112": { vr: "DS", Value: lossy.ratios } }),
    ...(lossy.methods.length > 0 && { "00282114": { vr: "CS", Value: lossy.methods } }),
  };
}

/** The patient and study attributes of a file that objects derived from its series repeat. */
export function copiedAttributes(file: DicomFile): DicomSource["attributes"] {
  const attributes: Record<string, { vr: string; Value?: unknown[] }> = {};
  for (const { tag, vr, fitted } of copiedText(file)) {
    const { values } = fitted;
    attributes[tag] = values.every((part) => part === "")
      ? { vr }
      : { vr, Value: values.map((part) => jsonValue(part, vr)) };
  }
  return attributes;
}

/** What is wrong with them. */
export function textFaults(file: DicomFile): TextFault[] {
  const texts = copiedText(file);
  const faults = texts.flatMap(({ fitted: { fault } }) =>
    fault === null || (fault.kind === "malformed" && NOT_REPEATED.has(fault.tag)) ? [] : [fault],
  );
  return texts.some(({ isGuessed }) => isGuessed) ? [...faults, { kind: "guessed" }] : faults;
}

interface CopiedText {
  readonly tag: string;
  readonly vr: string;
  readonly fitted: FittedText;
  readonly isGuessed: boolean;
}

function copiedText({ dataSet }: DicomFile): CopiedText[] {
  const sets = (textOf(dataSet, "x00080005") ?? "").split("\\");
  return Object.entries(COPIED).flatMap(([tag, vr]) => {
    const element = dataSet.elements[`x${tag.toLowerCase()}`];
    if (element === undefined) return [];
    const raw = dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
    const inSet = WITH_CHARACTER_SET.has(vr);
    const { text, isGuessed } = decodeText(raw, inSet ? sets : []);
    const values = text
      .replaceAll("\0", "")
      .split("\\")
      .map((part) => part.trim());
    return [{ tag, vr, fitted: fittedText(tag, vr, values), isGuessed: inSet && isGuessed }];
  });
}

/** DICOM JSON (PS3.18 F.2.3): numbers for DS and IS, component groups for names, text for the rest. */
function jsonValue(part: string, vr: string): unknown {
  if (part === "") return null;
  if (vr === "IS" || vr === "DS") return Number.isFinite(Number(part)) ? Number(part) : null;
  if (vr !== "PN") return part;
  const [alphabetic = "", ideographic = "", phonetic = ""] = part.split("=");
  return {
    ...(alphabetic === "" ? {} : { Alphabetic: alphabetic }),
    ...(ideographic === "" ? {} : { Ideographic: ideographic }),
    ...(phonetic === "" ? {} : { Phonetic: phonetic }),
  };
}
