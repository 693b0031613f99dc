import type { DicomElement, DicomElements } from "./dicom-write.js";
import type { DicomSlice, DicomSource } from "./scan.js";
import { codeSequence, type SegCode } from "./seg-codes.js";

/** What a frame shows. */
export interface SegFrame {
  /** Segment number; null where pixels hold it (LABELMAP). */
  readonly segment: number | null;
  /** Position of its slice in the source, from 0. */
  readonly slice: number;
}

const DERIVATION_SEGMENTATION: SegCode = { value: "113076", scheme: "DCM", meaning: "Segmentation" };
const PURPOSE_SOURCE: SegCode = {
  value: "121322",
  scheme: "DCM",
  meaning: "Source image for image processing operation",
};

/** Per-frame functional groups: where each frame lies, what it was made from and, unless pixels say so, its segment. */
export function frameSequence(frames: readonly SegFrame[], source: DicomSource): DicomElement {
  // Said once a slice: a segmentation of 100 segments repeats them 100 times.
  const ofSlices = source.slices.map((slice) => ({ derivation: derivation(slice), position: position(slice) }));
  const items = frames.map(({ segment, slice }) => ({
    "00089124": ofSlices[slice]?.derivation,
    "00209111": {
      vr: "SQ",
      Value: [{ "00209157": { vr: "UL", Value: segment === null ? [slice + 1] : [segment, slice + 1] } }],
    },
    "00209113": ofSlices[slice]?.position,
    ...(segment === null ? {} : { "0062000A": { vr: "SQ", Value: [{ "0062000B": { vr: "US", Value: [segment] } }] } }),
  }));
  return { vr: "SQ", Value: items };
}

/** What frames are ordered by: segment (unless pixels hold it), then place. */
export function dimensionElements(uid: string, hasSegments: boolean): DicomElements {
  const index = (pointer: string, group: string, label: string): DicomElements => ({
    "00209164": { vr: "UI", Value: [uid] },
    "00209165": { vr: "AT", Value: [pointer] },
    "00209167": { vr: "AT", Value: [group] },
    "00209421": { vr: "LO", Value: [label] },
  });
  const bySegment = index("0062000B", "0062000A", "Segment Number");
  const byPlace = index("00200032", "00209113", "Image Position Patient");
  return {
    "00209221": { vr: "SQ", Value: [{ "00209164": { vr: "UI", Value: [uid] } }] },
    "00209222": { vr: "SQ", Value: hasSegments ? [bySegment, byPlace] : [byPlace] },
  };
}

function position(slice: DicomSlice): DicomElement {
  return { vr: "SQ", Value: [{ "00200032": { vr: "DS", Value: slice.positionLps } }] };
}

function derivation(slice: DicomSlice): DicomElement {
  const frame = slice.frame === null ? {} : { "00081160": { vr: "IS", Value: [slice.frame] } };
  return {
    vr: "SQ",
    Value: [
      {
        "00082112": {
          vr: "SQ",
          Value: [
            {
              "00081150": { vr: "UI", Value: [slice.sopClassUid] },
              "00081155": { vr: "UI", Value: [slice.sopInstanceUid] },
              ...frame,
              "0028135A": { vr: "CS", Value: ["YES"] },
              "0040A170": codeSequence(PURPOSE_SOURCE),
            },
          ],
        },
        "00089215": codeSequence(DERIVATION_SEGMENTATION),
      },
    ],
  };
}
