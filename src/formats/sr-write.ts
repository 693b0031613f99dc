import { derivedUid, type ResultId } from "#src/core/ids.js";
import { derivedElements } from "./derived-object.js";
import { type DicomElements, writeDicomFile } from "./dicom-write.js";
import type { DicomSource } from "./scan.js";
import type { SegCode } from "./seg-codes.js";
import type { SegSegment } from "./seg-options.js";
import { code, container, measurement, segmentImage, text, uid } from "./sr-items.js";

const COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34";
const ANATOMICAL_STRUCTURE = "123037004";
/** Right, left, right and left, unilateral: what modifies a place as its laterality (CID 244). */
const LATERALITIES = new Set(["24028007", "7771000", "51440002", "66459002"]);

export interface MeasurementReportOptions {
  readonly source: DicomSource;
  /** The segmentation that was measured: its segments count from 1 in the order of `segments`. */
  readonly seg: { readonly sopClassUid: string; readonly sopInstanceUid: string; readonly seriesInstanceUid: string };
  /** Each with its volume; 0 for one without voxels. */
  readonly segments: readonly (SegSegment & { readonly volumeMm3: number })[];
  readonly algorithm: { readonly name: string; readonly version: string };
  /** Every UID of the object is derived from this. */
  readonly identity: ResultId;
}

/**
 * The volumes of a segmentation as a DICOM Comprehensive 3D SR by template TID 1500: one volumetric measurement group
 * (TID 1411) a segment, which names the segment and carries its type and its volume in mm³, as 16 characters and as a
 * double. Groups have the tracking UIDs of the segmentation's segments. Same options, same bytes.
 *
 * @throws {RangeError} for a volume that is negative or not finite
 */
export function writeMeasurementReport(options: MeasurementReportOptions): Uint8Array {
  const { source, identity } = options;
  // A report is of no one frame of reference.
  const { "00200052": _frame, "00201040": _indicator, ...common } = derivedElements(source, options);
  const root = container("CONTAINS", IMAGING_MEASUREMENT_REPORT, "1500", [
    { ...code("HAS CONCEPT MOD", LANGUAGE, ENGLISH) },
    ...observer(options),
    code("HAS CONCEPT MOD", PROCEDURE_REPORTED, IMAGING_PROCEDURE),
    container(
      "CONTAINS",
      IMAGING_MEASUREMENTS,
      null,
      options.segments.map((segment, i) => group(segment, i + 1, options)),
    ),
  ]);
  const { "0040A010": _relationship, ...content } = root;
  return writeDicomFile({
    ...common,
    ...content,
    "00080016": { vr: "UI", Value: [COMPREHENSIVE_3D_SR] },
    "00080018": { vr: "UI", Value: [derivedUid(identity, "sr", "instance")] },
    "00080060": { vr: "CS", Value: ["SR"] },
    "00081111": { vr: "SQ" },
    "0020000E": { vr: "UI", Value: [derivedUid(identity, "sr", "series")] },
    "00200011": { vr: "IS", Value: [1002] },
    "0040A372": { vr: "SQ" },
    "0040A375": { vr: "SQ", Value: [evidence(options)] },
    "0040A491": { vr: "CS", Value: ["COMPLETE"] },
    "0040A493": { vr: "CS", Value: ["UNVERIFIED"] },
  });
}

/** Device observer (TID 1004). */
function observer({ algorithm, identity }: MeasurementReportOptions): DicomElements[] {
  return [
    code("HAS OBS CONTEXT", dcm("121005", "Observer Type"), dcm("121007", "Device")),
    uid("HAS OBS CONTEXT", dcm("121012", "Device Observer UID"), derivedUid(identity, "device")),
    text("HAS OBS CONTEXT", dcm("121013", "Device Observer Name"), "scanlane"),
    text("HAS OBS CONTEXT", dcm("121014", "Device Observer Manufacturer"), "scanlane"),
    text("HAS OBS CONTEXT", dcm("121015", "Device Observer Model Name"), algorithm.name),
  ];
}

function group(
  segment: MeasurementReportOptions["segments"][number],
  number: number,
  { seg, source, algorithm, identity }: MeasurementReportOptions,
): DicomElements {
  if (!(segment.volumeMm3 >= 0 && Number.isFinite(segment.volumeMm3))) {
    throw new RangeError(`a volume must be finite and not negative, got ${segment.volumeMm3}`);
  }
  return container("CONTAINS", dcm("125007", "Measurement Group"), "1411", [
    text("HAS OBS CONTEXT", dcm("112039", "Tracking Identifier"), segment.name),
    uid("HAS OBS CONTEXT", dcm("112040", "Tracking Unique Identifier"), derivedUid(identity, "segment", segment.name)),
    code("CONTAINS", sct("276214006", "Finding category"), segment.category),
    ...finding(segment),
    segmentImage(dcm("121191", "Referenced Segment"), seg, number),
    uid("CONTAINS", dcm("121232", "Source series for segmentation"), source.seriesInstanceUid),
    measurement(sct("118565006", "Volume"), segment.volumeMm3, MM3, [
      text("HAS CONCEPT MOD", dcm("111001", "Algorithm Name"), algorithm.name),
      text("HAS CONCEPT MOD", dcm("111003", "Algorithm Version"), algorithm.version),
    ]),
  ]);
}

/** The type as finding, and with its modifier as the finding's site where it is a part of the body. */
function finding({ category, type, modifier }: SegSegment): DicomElements[] {
  const modifiers =
    modifier === undefined
      ? []
      : [code("HAS CONCEPT MOD", LATERALITIES.has(modifier.value) ? LATERALITY : TOPOGRAPHICAL_MODIFIER, modifier)];
  const found = dcm("121071", "Finding");
  if (category.value !== ANATOMICAL_STRUCTURE) return [code("CONTAINS", found, type, modifiers)];
  return [code("CONTAINS", found, type), code("HAS CONCEPT MOD", sct("363698007", "Finding Site"), type, modifiers)];
}

/** Everything referenced, and the source (Current Requested Procedure Evidence Sequence). */
function evidence({ source, seg }: MeasurementReportOptions): DicomElements {
  const images = new Map(source.slices.map((slice) => [slice.sopInstanceUid, slice.sopClassUid]));
  const series = (uidOfSeries: string, instances: Iterable<readonly [string, string]>): DicomElements => ({
    "00081199": {
      vr: "SQ",
      Value: [...instances].map(([instance, sopClass]) => ({
        "00081150": { vr: "UI", Value: [sopClass] },
        "00081155": { vr: "UI", Value: [instance] },
      })),
    },
    "0020000E": { vr: "UI", Value: [uidOfSeries] },
  });
  return {
    "00081115": {
      vr: "SQ",
      Value: [
        series(seg.seriesInstanceUid, [[seg.sopInstanceUid, seg.sopClassUid]]),
        series(source.seriesInstanceUid, images),
      ],
    },
    "0020000D": { vr: "UI", Value: [source.studyInstanceUid] },
  };
}

function dcm(value: string, meaning: string): SegCode {
  return { value, scheme: "DCM", meaning };
}

function sct(value: string, meaning: string): SegCode {
  return { value, scheme: "SCT", meaning };
}

const IMAGING_MEASUREMENT_REPORT = dcm("126000", "Imaging Measurement Report");
const IMAGING_MEASUREMENTS = dcm("126010", "Imaging Measurements");
const LANGUAGE = dcm("121049", "Language of Content Item and Descendants");
const ENGLISH: SegCode = { value: "en-US", scheme: "RFC5646", meaning: "English (United States)" };
const PROCEDURE_REPORTED = dcm("121058", "Procedure reported");
const IMAGING_PROCEDURE = sct("363679005", "Imaging procedure");
const LATERALITY = sct("272741003", "Laterality");
const TOPOGRAPHICAL_MODIFIER = sct("106233006", "Topographical modifier");
const MM3: SegCode = { value: "mm3", scheme: "UCUM", meaning: "cubic millimeter" };
