import { derivedUid, type ResultId } from "#src/core/ids.js";
import { RESULT_VERSION } from "#src/core/versions.js";
import { type DicomElements, writeDicomFile } from "./dicom-write.js";
import { dimensionElements, frameSequence } from "./seg-frames.js";
import type { SegOptions } from "./seg-options.js";
import { binaryPixels, fractionalPixels, labelMapPixels, type SegPixels } from "./seg-pixels.js";
import { segmentSequence } from "./seg-segments.js";
import { sourceElements } from "./seg-source.js";

const SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4";
const LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7";
const NOTICE = "Research use only, not a medical device";

/** How other objects refer to the binary segmentation of a result. */
export function binarySegReference(identity: ResultId): {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
} {
  return {
    sopClassUid: SEGMENTATION_STORAGE,
    sopInstanceUid: derivedUid(identity, "seg", "instance"),
    seriesInstanceUid: derivedUid(identity, "seg", "series"),
  };
}

/**
 * A DICOM segmentation: BINARY, LABELMAP or FRACTIONAL (PS3.3 A.51, C.8.20).
 *
 * Explicit VR little endian; a label map's frames in RLE. Frames lie where their source slices do, in the order of the
 * volume's z axis, and name the slice (and frame) they were made from. Dates and times are the source's. Same options,
 * same bytes.
 *
 * @throws {RangeError} when labels and source differ in slices, a label has no segment or a segment no probabilities
 */
export function writeSeg(options: SegOptions): Uint8Array {
  const { source, identity, algorithm } = options;
  const kind = options.kind ?? "binary";
  const [columns, rows, depth] = options.kind === "fractional" ? options.size : options.labels.size;
  if (depth !== source.slices.length) {
    throw new RangeError(`labels must have ${source.slices.length} slices like the source, got ${depth}`);
  }
  const { bits, frames, data } = pixelsOf(options);
  // Several kinds of one result are several instances.
  const name = kind === "binary" ? "seg" : `seg-${kind}`;
  const isLabelMap = kind === "labelmap";
  const elements: DicomElements = {
    ...sourceElements(source),
    ...dimensionElements(derivedUid(identity, name, "dimensions"), !isLabelMap),
    "00080005": { vr: "CS", Value: ["ISO_IR 192"] },
    "00080008": { vr: "CS", Value: ["DERIVED", "PRIMARY"] },
    "00080016": { vr: "UI", Value: [isLabelMap ? LABEL_MAP_STORAGE : SEGMENTATION_STORAGE] },
    "00080018": { vr: "UI", Value: [derivedUid(identity, name, "instance")] },
    "00080060": { vr: "CS", Value: ["SEG"] },
    "00080070": { vr: "LO", Value: ["scanlane"] },
    "0008103E": { vr: "LO", Value: [`${algorithm.name} (research use only)`.slice(0, 64)] },
    "00081090": { vr: "LO", Value: [algorithm.name.slice(0, 64)] },
    "00181000": { vr: "LO", Value: [identity.slice(0, 16)] },
    // The version of the arithmetic, not of the package: equal results stay equal bytes.
    "00181020": { vr: "LO", Value: [`result-${RESULT_VERSION}`, `model-${algorithm.version}`.slice(0, 64)] },
    "0020000E": { vr: "UI", Value: [derivedUid(identity, name, "series")] },
    "00200011": { vr: "IS", Value: [1000] },
    "00200013": { vr: "IS", Value: [1] },
    "00280002": { vr: "US", Value: [1] },
    "00280004": { vr: "CS", Value: ["MONOCHROME2"] },
    "00280008": { vr: "IS", Value: [frames.length] },
    "00280010": { vr: "US", Value: [rows] },
    "00280011": { vr: "US", Value: [columns] },
    "00280100": { vr: "US", Value: [bits] },
    "00280101": { vr: "US", Value: [bits] },
    "00280102": { vr: "US", Value: [bits - 1] },
    "00280103": { vr: "US", Value: [0] },
    "00282110": { vr: "CS", Value: ["00"] },
    ...lossyElements(source),
    "00620001": { vr: "CS", Value: [kind.toUpperCase()] },
    "00620002": segmentSequence(options),
    "00620013": { vr: "CS", Value: [kind === "fractional" ? "UNDEFINED" : "NO"] },
    "00700080": { vr: "CS", Value: ["SEGMENTATION"] },
    "00700081": { vr: "LO", Value: [NOTICE] },
    "00700084": { vr: "PN" },
    "52009230": frameSequence(frames, source),
    ...ofKind(kind),
  };
  if (!(data instanceof Uint8Array)) return writeDicomFile(elements, { rleFrames: data });
  return writeDicomFile({ ...elements, "7FE00010": { vr: "OB", Value: [data] } });
}

/** What its source lost a segmentation lacks, too (PS3.3 C.8.20.2). */
function lossyElements({ attributes }: SegOptions["source"]): DicomElements {
  const tags = ["00282110", "00282112", "00282114"];
  return Object.fromEntries(tags.flatMap((tag) => (attributes[tag] === undefined ? [] : [[tag, attributes[tag]]])));
}

function pixelsOf(options: SegOptions): SegPixels {
  switch (options.kind) {
    case "fractional":
      return fractionalPixels(options, options.segments);
    case "labelmap":
      return labelMapPixels(options, options.segments);
    default:
      return binaryPixels(options, options.segments);
  }
}

/** What only one kind has. */
function ofKind(kind: "binary" | "labelmap" | "fractional"): DicomElements {
  if (kind === "labelmap") return { "00280120": { vr: "US", Value: [0] } };
  if (kind === "binary") return {};
  return { "0062000E": { vr: "US", Value: [255] }, "00620010": { vr: "CS", Value: ["PROBABILITY"] } };
}
