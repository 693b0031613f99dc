import { derivedUid } from "#src/core/ids.js";
import { cieLabOf } from "./cielab.js";
import type { DicomElement, DicomElements } from "./dicom-write.js";
import { codeItem, codeSequence, type SegCode } from "./seg-codes.js";
import type { SegOptions, SegSegment } from "./seg-options.js";

const FAMILY_AI: SegCode = { value: "123110", scheme: "DCM", meaning: "Artificial Intelligence" };
const BACKGROUND: SegCode = { value: "125040", scheme: "DCM", meaning: "Background" };

/** The segment sequence; that of a label map begins with segment 0, the background, as highdicom writes it. */
export function segmentSequence(options: SegOptions): DicomElement {
  const isLabelMap = options.kind === "labelmap";
  const items = options.segments.map((segment, i) => segmentItem(segment, isLabelMap ? segment.value : i + 1, options));
  return { vr: "SQ", Value: isLabelMap ? [backgroundItem(options), ...items] : items };
}

function segmentItem(segment: SegSegment, number: number, { algorithm, identity }: SegOptions): DicomElements {
  const modifier = segment.modifier === undefined ? {} : { "00620011": codeSequence(segment.modifier) };
  const identification: DicomElements = {
    "0066002F": codeSequence(FAMILY_AI),
    "00660031": { vr: "LO", Value: [algorithm.version.slice(0, 64)] },
    "00660036": { vr: "LO", Value: [algorithm.name.slice(0, 64)] },
  };
  return {
    "00620003": codeSequence(segment.category),
    "00620004": { vr: "US", Value: [number] },
    "00620005": { vr: "LO", Value: [segment.displayName.slice(0, 64)] },
    ...(algorithm.isNetwork === false ? {} : { "00620007": { vr: "SQ", Value: [identification] } }),
    "00620008": { vr: "CS", Value: ["AUTOMATIC"] },
    "00620009": { vr: "LO", Value: [algorithm.name.slice(0, 64)] },
    "0062000D": { vr: "US", Value: cieLabOf(segment.colourRgb) },
    "0062000F": { vr: "SQ", Value: [{ ...codeItem(segment.type), ...modifier }] },
    "00620020": { vr: "UT", Value: [segment.name] },
    "00620021": { vr: "UI", Value: [derivedUid(identity, "segment", segment.name)] },
  };
}

function backgroundItem({ algorithm }: SegOptions): DicomElements {
  return {
    "00620003": codeSequence(BACKGROUND),
    "00620004": { vr: "US", Value: [0] },
    "00620005": { vr: "LO", Value: ["Background"] },
    "00620008": { vr: "CS", Value: ["AUTOMATIC"] },
    "00620009": { vr: "LO", Value: [algorithm.name.slice(0, 64)] },
    "0062000F": codeSequence(BACKGROUND),
  };
}
