import type { DataSet } from "dicom-parser";
import { textOf } from "./dicom-file.js";

/**
 * Where one frame's attributes are: the functional groups of an enhanced multi-frame object (PS3.3 C.7.6.16), or the
 * data set itself. Classic images are the case without groups.
 */
export interface FrameHeader {
  readonly root: DataSet;
  /** Item of the per-frame functional groups, null in classic images. */
  readonly perFrame: DataSet | null;
  readonly shared: DataSet | null;
  /** `textOf` of the root, which is asked for the same attributes by each of many frames. */
  readonly rootText: (tag: string) => string | null;
}

/** Sequences of the functional groups that are read, by what they hold. */
export const GROUP = {
  frameContent: "x00209111",
  planePosition: "x00209113",
  planeOrientation: "x00209116",
  /** In a frame of reference of the volume's own, as of 3-D ultrasound. */
  planePositionInVolume: "x0020930e",
  pixelMeasures: "x00289110",
  framePixelData: "x00289443",
  xRayGeometry: "x00189476",
  pixelValueTransformation: "x00289145",
  mrImageFrameType: "x00189226",
  ctImageFrameType: "x00189329",
  petFrameType: "x00189751",
  mrEcho: "x00189114",
  mrDiffusion: "x00189117",
  mrModifier: "x00189115",
  cardiacSynchronization: "x00189118",
  temporalPosition: "x00209310",
  frameAnatomy: "x00209071",
  /** Of objects converted from single images: what all of these said and no group holds. */
  unassignedShared: "x00209170",
} as const;

/** Items of a sequence; none where it is absent. */
export function itemsOf(dataSet: DataSet, tag: string): DataSet[] {
  return (dataSet.elements[tag]?.items ?? []).flatMap((item) => (item.dataSet === undefined ? [] : [item.dataSet]));
}

/** The headers of all frames of an object with functional groups; null where it has none for each frame. */
export function frameHeaders(root: DataSet): FrameHeader[] | null {
  const frames = itemsOf(root, "x52009230");
  if (frames.length === 0) return null;
  const shared = itemsOf(root, "x52009229")[0] ?? null;
  const { rootText } = classicHeader(root);
  return frames.map((perFrame) => ({ root, perFrame, shared, rootText }));
}

/** The header of an object without functional groups. */
export function classicHeader(root: DataSet): FrameHeader {
  const known = new Map<string, string | null>();
  const rootText = (tag: string): string | null => {
    const value = known.get(tag);
    if (value !== undefined) return value;
    const read = textOf(root, tag);
    known.set(tag, read);
    return read;
  };
  return { root, perFrame: null, shared: null, rootText };
}

/** The data set that holds a group's attributes for this frame: its own, the shared one, or the root. */
export function groupOf(header: FrameHeader, group: string): DataSet {
  for (const scope of [header.perFrame, header.shared]) {
    const item = scope?.elements[group]?.items?.[0]?.dataSet;
    if (item !== undefined) return item;
  }
  return header.root;
}
