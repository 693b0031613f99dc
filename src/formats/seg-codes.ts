import type { DicomElement, DicomElements } from "./dicom-write.js";

/** A coded term: value, scheme (SCT, DCM) and meaning. */
export interface SegCode {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

/** A code sequence of one item. */
export function codeSequence(code: SegCode): DicomElement {
  return { vr: "SQ", Value: [codeItem(code)] };
}

/** The attributes of a code (PS3.3 8.8). */
export function codeItem(code: SegCode): DicomElements {
  return {
    "00080100": { vr: "SH", Value: [code.value] },
    "00080102": { vr: "SH", Value: [code.scheme] },
    "00080104": { vr: "LO", Value: [code.meaning] },
  };
}
