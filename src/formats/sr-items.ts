import { type DicomElement, type DicomElements, decimalString } from "./dicom-write.js";
import { codeSequence, type SegCode } from "./seg-codes.js";

/** How a content item stands to the one that holds it (PS3.3 C.17.3.2.4). */
type Relationship = "CONTAINS" | "HAS CONCEPT MOD" | "HAS OBS CONTEXT";

/** A container of separate items, by a template of DICOM's own where one is named. */
export function container(
  relationship: Relationship,
  concept: SegCode,
  template: string | null,
  children: readonly DicomElements[],
): DicomElements {
  const identification: DicomElements = {
    "00080105": { vr: "CS", Value: ["DCMR"] },
    "0040DB00": { vr: "CS", Value: [template] },
  };
  return item(relationship, "CONTAINER", concept, children, {
    "0040A050": { vr: "CS", Value: ["SEPARATE"] },
    ...(template === null ? {} : { "0040A504": { vr: "SQ", Value: [identification] } }),
  });
}

/** A coded term. */
export function code(
  relationship: Relationship,
  concept: SegCode,
  value: SegCode,
  children: readonly DicomElements[] = [],
): DicomElements {
  return item(relationship, "CODE", concept, children, { "0040A168": codeSequence(value) });
}

/** Free text. */
export function text(relationship: Relationship, concept: SegCode, value: string): DicomElements {
  return item(relationship, "TEXT", concept, [], { "0040A160": { vr: "UT", Value: [value] } });
}

/** A UID. */
export function uid(relationship: Relationship, concept: SegCode, value: string): DicomElements {
  return item(relationship, "UIDREF", concept, [], { "0040A124": { vr: "UI", Value: [value] } });
}

/** A segment of a segmentation. */
export function segmentImage(
  concept: SegCode,
  seg: { readonly sopClassUid: string; readonly sopInstanceUid: string },
  number: number,
): DicomElements {
  const reference: DicomElements = {
    "00081150": { vr: "UI", Value: [seg.sopClassUid] },
    "00081155": { vr: "UI", Value: [seg.sopInstanceUid] },
    "0062000B": { vr: "US", Value: [number] },
  };
  return item("CONTAINS", "IMAGE", concept, [], { "00081199": { vr: "SQ", Value: [reference] } });
}

/** A number with its unit; with the double itself where a decimal string is not exact. */
export function measurement(
  concept: SegCode,
  value: number,
  unit: SegCode,
  children: readonly DicomElements[],
): DicomElements {
  const decimal = decimalString(value);
  const measured: DicomElements = {
    "004008EA": codeSequence(unit),
    "0040A30A": { vr: "DS", Value: [decimal] },
    ...(Number(decimal) === value ? {} : { "0040A161": { vr: "FD", Value: [value] } }),
  };
  return item("CONTAINS", "NUM", concept, children, { "0040A300": { vr: "SQ", Value: [measured] } });
}

function item(
  relationship: Relationship,
  type: string,
  concept: SegCode,
  children: readonly DicomElements[],
  value: Record<string, DicomElement>,
): DicomElements {
  return {
    ...value,
    "0040A010": { vr: "CS", Value: [relationship] },
    "0040A040": { vr: "CS", Value: [type] },
    "0040A043": codeSequence(concept),
    ...(children.length === 0 ? {} : { "0040A730": { vr: "SQ", Value: children } }),
  };
}
