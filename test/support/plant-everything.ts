import { data } from "dcmjs";
import type { DicomElements } from "./dicom-builder.js";

/** What was planted into a series. */
export interface Planted {
  /** Puts a string of its own into every attribute of the data dictionary that can hold one, nested and private too. */
  readonly edit: (elements: DicomElements) => void;
  /** All of these strings. */
  readonly texts: ReadonlySet<string>;
}

/** Root of all UIDs of the phantom, and of those that are planted. */
export const PLANTED_UIDS = "1.2.826.0.1.3680043";

/** What the reader needs, or takes for something else: places, pixels, functional groups, counts of frames. */
const LEFT_ALONE =
  /^(0002|0028|5200|7FE0|FFF)|^(00080005|00080008|00080016|00080018|00080060|0020000D|0020000E|00200032|00200037|00200052|00180050|00180088|00200013|00189\w{3}|00209\w{3}|00540081|00080001)$/;

/** Values of all these representations are text; each is of a length that its representation allows. */
const MAKERS: Readonly<Record<string, (n: number) => unknown>> = {
  ...Object.fromEntries(["AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"].map((vr) => [vr, word])),
  PN: (n) => ({ Alphabetic: word(n) }),
  DA: (n) => String(18_000_000 + n),
  TM: (n) => `101112.${100_000 + n}`,
  DT: (n) => `20200102030405.${100_000 + n}`,
  IS: (n) => String(770_000_000 + n),
  DS: (n) => `77.${100_000 + n}`,
  UI: (n) => `${PLANTED_UIDS}.77.${n}`,
};

function word(n: number): string {
  return `LEAK${String(n).padStart(5, "0")}Q`;
}

/** @param start number of the first string, so that two sources have nothing in common */
export function plantEverything(start = 0): Planted {
  let n = start;
  const texts = new Set<string>();
  const made = (vr: string): { vr: string; Value: unknown[] } => {
    const value = MAKERS[vr]?.(n++);
    texts.add(vr === "PN" ? word(n - 1) : String(value));
    return { vr, Value: [value] };
  };
  const planted: DicomElements = {};
  for (const { tag, vr } of Object.values(data.DicomMetaDictionary.nameMap)) {
    const bare = tag.replace(/[(),]/g, "").toUpperCase();
    if (!/^[0-9A-F]{8}$/.test(bare) || LEFT_ALONE.test(bare) || bare.startsWith("0000")) continue;
    if (vr in MAKERS) planted[bare] = made(vr);
    if (vr === "SQ") planted[bare] = { vr, Value: [nested(made)] };
  }
  planted["00090010"] = made("LO");
  planted["00091001"] = made("UT");
  planted["00091002"] = made("UI");
  planted["60004000"] = made("LT");
  planted["50000040"] = made("SH");
  return { texts, edit: (elements) => void Object.assign(elements, planted) };
}

/** Two levels deep, with a private attribute and a UID. */
function nested(made: (vr: string) => DicomElements[string]): DicomElements {
  const inner: DicomElements = { "00080104": made("LO"), "00081155": made("UI") };
  return {
    "00100010": made("PN"),
    "00081155": made("UI"),
    "00110010": made("LO"),
    "00111001": made("LT"),
    "00081199": { vr: "SQ", Value: [inner] },
  };
}
