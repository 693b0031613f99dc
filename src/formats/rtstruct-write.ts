import { derivedUid, type ResultId } from "#src/core/ids.js";
import { labelContours, type Polygon } from "#src/imaging/contours.js";
import type { Volume } from "#src/imaging/volume.js";
import { derivedElements } from "./derived-object.js";
import { type DicomElement, type DicomElements, decimalString, writeDicomFile } from "./dicom-write.js";
import type { DicomSlice, DicomSource } from "./scan.js";
import { codeItem, codeSequence } from "./seg-codes.js";
import type { SegSegment } from "./seg-options.js";

const RT_STRUCTURE_SET_STORAGE = "1.2.840.10008.5.1.4.1.1.481.3";
/** Referenced as the study's class, which is long retired: what every reader of structure sets expects. */
const DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1";
const ANATOMICAL_STRUCTURE = "123037004";

interface RtStructOptions {
  /** On the source's grid: x along rows, y along columns, z in the order of `source.slices`. */
  readonly labels: Volume<Uint8Array | Uint16Array>;
  readonly source: DicomSource;
  /** In the order of their ROI numbers, which count from 1. */
  readonly segments: readonly SegSegment[];
  readonly algorithm: { readonly name: string; readonly version: string };
  /** Every UID of the object is derived from this. */
  readonly identity: ResultId;
}

/**
 * A DICOM RT Structure Set (PS3.3 A.19): one ROI a segment, its outlines along pixel edges as CLOSED_PLANAR contours in
 * each slice's own plane, to 0.00001 mm. A segment without voxels is an ROI without contours.
 *
 * Holes are contours of their own (no keyholes): a point is inside where it lies within an odd number of an ROI's
 * contours of its plane (even-odd rule).
 *
 * Implicit VR little endian: in explicit VR a DS holds 65,534 bytes, which is fewer than the outline of an organ may
 * take, and as UN (PS3.5 6.2.2) readers do not know a contour for one. Same options, same bytes.
 *
 * @throws {RangeError} when labels and source differ in slices
 */
export function writeRtStruct(options: RtStructOptions): Uint8Array {
  const { source, segments, identity, algorithm } = options;
  const base = derivedElements(source, options);
  const { "00080023": date, "00080033": time, "00200052": frameOfReference, ...common } = base;
  const contours = contoursOf(options);
  const elements: DicomElements = {
    ...common,
    "00080016": { vr: "UI", Value: [RT_STRUCTURE_SET_STORAGE] },
    "00080018": { vr: "UI", Value: [derivedUid(identity, "rtstruct", "instance")] },
    "00080060": { vr: "CS", Value: ["RTSTRUCT"] },
    "00081070": { vr: "PN" },
    "0020000E": { vr: "UI", Value: [derivedUid(identity, "rtstruct", "series")] },
    "00200011": { vr: "IS", Value: [1001] },
    "00200052": frameOfReference ?? { vr: "UI" },
    "30060002": { vr: "SH", Value: ["scanlane"] },
    "30060004": { vr: "LO", Value: [algorithm.name.slice(0, 64)] },
    "30060006": { vr: "ST", Value: ["Research use only, not a medical device"] },
    "30060008": date ?? { vr: "DA" },
    "30060009": time ?? { vr: "TM" },
    "30060010": { vr: "SQ", Value: [referencedFrame(source, frameOfReference)] },
    "30060020": {
      vr: "SQ",
      Value: segments.map((segment, i) => ({
        "30060022": { vr: "IS", Value: [i + 1] },
        "30060024": frameOfReference ?? { vr: "UI" },
        "30060026": { vr: "LO", Value: [segment.displayName.slice(0, 64)] },
        "30060036": { vr: "CS", Value: ["AUTOMATIC"] },
        "30060038": { vr: "LO", Value: [`${algorithm.name} ${algorithm.version}`.slice(0, 64)] },
      })),
    },
    "30060039": {
      vr: "SQ",
      Value: segments.map((segment, i) => roiContour(segment, i + 1, contours.get(segment.value) ?? [])),
    },
    "30060080": { vr: "SQ", Value: segments.map((segment, i) => observation(segment, i + 1)) },
    "300E0002": { vr: "CS", Value: ["UNAPPROVED"] },
  };
  return writeDicomFile(elements, { encoding: "implicit" });
}

/** Contour items by label value, in the order of slices. */
function contoursOf({ labels, source }: RtStructOptions): ReadonlyMap<number, DicomElements[]> {
  const [width, height, depth] = labels.size;
  if (depth !== source.slices.length) {
    throw new RangeError(`labels must have ${source.slices.length} slices like the source, got ${depth}`);
  }
  const items = new Map<number, DicomElements[]>();
  for (const [z, slice] of source.slices.entries()) {
    const plane = labels.data.subarray(width * height * z, width * height * (z + 1));
    for (const [label, polygons] of labelContours(plane, width, height)) {
      const own = items.get(label) ?? [];
      items.set(label, own);
      for (const polygon of polygons) own.push(contourItem(polygon, slice, source, own.length + 1));
    }
  }
  return items;
}

function contourItem(polygon: Polygon, slice: DicomSlice, source: DicomSource, number: number): DicomElements {
  return {
    "30060016": { vr: "SQ", Value: [imageReference(slice)] },
    "30060042": { vr: "CS", Value: ["CLOSED_PLANAR"] },
    "30060046": { vr: "IS", Value: [polygon.length / 2] },
    "30060048": { vr: "IS", Value: [number] },
    "30060050": contourData(polygon, slice, source),
  };
}

/** Points in LPS (PS3.3 C.7.6.2.1.1). */
function contourData(polygon: Polygon, { positionLps }: DicomSlice, source: DicomSource): DicomElement {
  const [betweenRows, betweenColumns] = source.pixelSpacingMm;
  const { orientationLps } = source;
  const values: string[] = [];
  for (let p = 0; p < polygon.length; p += 2) {
    const alongRow = (polygon[p] ?? 0) * betweenColumns;
    const alongColumn = (polygon[p + 1] ?? 0) * betweenRows;
    for (const axis of [0, 1, 2] as const) {
      const at =
        positionLps[axis] + alongRow * (orientationLps[axis] ?? 0) + alongColumn * (orientationLps[axis + 3] ?? 0);
      values.push(decimalString(Math.round(at * 1e5) / 1e5));
    }
  }
  return { vr: "DS", Value: values };
}

function roiContour(segment: SegSegment, number: number, contours: readonly DicomElements[]): DicomElements {
  return {
    "3006002A": { vr: "IS", Value: segment.colourRgb },
    ...(contours.length === 0 ? {} : { "30060040": { vr: "SQ", Value: contours } }),
    "30060084": { vr: "IS", Value: [number] },
  };
}

function observation(segment: SegSegment, number: number): DicomElements {
  const modifier = segment.modifier === undefined ? {} : { "00620011": codeSequence(segment.modifier) };
  const isOrgan = segment.category.value === ANATOMICAL_STRUCTURE;
  return {
    "30060082": { vr: "IS", Value: [number] },
    "30060084": { vr: "IS", Value: [number] },
    "30060086": { vr: "SQ", Value: [{ ...codeItem(segment.type), ...modifier }] },
    "300600A4": isOrgan ? { vr: "CS", Value: ["ORGAN"] } : { vr: "CS" },
    "300600A6": { vr: "PN" },
  };
}

function referencedFrame(source: DicomSource, frameOfReference: DicomElement | undefined): DicomElements {
  const series: DicomElements = {
    "0020000E": { vr: "UI", Value: [source.seriesInstanceUid] },
    "30060016": { vr: "SQ", Value: source.slices.map(imageReference) },
  };
  const study: DicomElements = {
    "00081150": { vr: "UI", Value: [DETACHED_STUDY] },
    "00081155": { vr: "UI", Value: [source.studyInstanceUid] },
    "30060014": { vr: "SQ", Value: [series] },
  };
  return { "00200052": frameOfReference ?? { vr: "UI" }, "30060012": { vr: "SQ", Value: [study] } };
}

function imageReference({ sopClassUid, sopInstanceUid, frame }: DicomSlice): DicomElements {
  return {
    "00081150": { vr: "UI", Value: [sopClassUid] },
    "00081155": { vr: "UI", Value: [sopInstanceUid] },
    ...(frame === null ? {} : { "00081160": { vr: "IS", Value: [frame] } }),
  };
}
