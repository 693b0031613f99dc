import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { legalValue } from "./legal-value.js";

/** Most characters of a value by its VR (PS3.5 6.2); of a name in each component group. DA and TM in their old forms. */
const MAX_CHARACTERS: Readonly<Record<string, number>> = {
  AS: 4,
  CS: 16,
  DA: 10,
  LO: 64,
  PN: 64,
  SH: 16,
  TM: 16,
  UI: 64,
};
/** What tells patients and examinations apart: Accession Number, Patient's Name, Patient ID and its issuer, Study ID. */
const IDENTIFYING = new Set(["00080050", "00100010", "00100020", "00100021", "00200010"]);
/** Longer identifiers no archive takes. Hashes in their place, which are longer than the VR too, have up to 128. */
const MAX_IDENTIFIER = 1024;
/** VRs of text that describes: the beginning of it is better than none. */
const SHORTENED = new Set(["LO", "SH", "PN"]);
/** None of the attributes has more values than a few, and of another VR than text none more than one. */
const MAX_VALUES = 16;
const SINGLE = new Set(["AS", "CS", "DA", "DS", "IS", "TM"]);

/** What is wrong with text of a header. */
export type TextFault =
  | {
      readonly kind: "long";
      /** Eight hexadecimal digits. */
      readonly tag: string;
      readonly vr: string;
      /** Of the longest value; of an identifier, of all of it. */
      readonly characters: number;
    }
  | {
      readonly kind: "malformed";
      readonly tag: string;
      readonly vr: string;
      /** Whether another form of it is repeated; else nothing is. */
      readonly isReformed: boolean;
    }
  /** Of the whole file: characters beyond ASCII whose set had to be guessed. */
  | { readonly kind: "guessed" };

/** How the values of an attribute are repeated, and what is wrong with them; null where nothing is. */
export interface FittedText {
  readonly values: readonly string[];
  readonly fault: TextFault | null;
}

/**
 * Header text as DICOM results may repeat it. What describes is cut to the length of its VR; what is a date, a code or a
 * UID by its VR and cannot be so long is left out, and so is what is no value of its VR (`legalValue`); what identifies
 * is kept as it is, as a part of it could be another patient's.
 */
export function fittedText(tag: string, vr: string, values: readonly string[]): FittedText {
  const limit = MAX_CHARACTERS[vr] ?? Number.POSITIVE_INFINITY;
  if (IDENTIFYING.has(tag)) {
    const characters = charactersOf(values.join("\\"));
    const isLong = values.some((value) => longest(value, vr) > limit) || characters > MAX_IDENTIFIER;
    return { values, fault: isLong ? { kind: "long", tag, vr, characters } : null };
  }
  const few = values.slice(0, MAX_VALUES);
  const characters = values.reduce((most, value) => Math.max(most, longest(value, vr)), 0);
  if (characters <= limit) return legalText(tag, vr, few);
  const fault: TextFault = { kind: "long", tag, vr, characters };
  return SHORTENED.has(vr) ? { values: few.map((value) => cut(value, vr, limit)), fault } : { values: [], fault };
}

function legalText(tag: string, vr: string, values: readonly string[]): FittedText {
  const legal = (SINGLE.has(vr) ? values.slice(0, 1) : values).map((value) => legalValue(tag, vr, value));
  if (legal.length === values.length && legal.every((value, i) => value === values[i])) return { values, fault: null };
  const isReformed = legal.some((value) => value !== null && value !== "");
  return { values: legal.map((value) => value ?? ""), fault: { kind: "malformed", tag, vr, isReformed } };
}

/**
 * What is said of text that results cannot repeat as it is.
 *
 * @throws {PipelineError} InputUnsupported for an identifier that no DICOM result could repeat
 */
export function textWarning(fault: TextFault, ordinal: number): ScanWarning {
  if (fault.kind === "guessed") {
    const found = `entry ${ordinal} has characters beyond ASCII and names no character set that is known`;
    return {
      code: "CharacterSetGuessed",
      message: `${found}: they were read as UTF-8 where they are, else as Latin-1`,
    };
  }
  const name = `(${fault.tag.slice(0, 4)},${fault.tag.slice(4)})`;
  if (fault.kind === "malformed") {
    const fate = fault.isReformed ? "repeat it in the form that it has" : "leave it out";
    const message = `${name} of entry ${ordinal} is no value of its VR ${fault.vr}: DICOM results ${fate}`;
    return { code: "ValueMalformed", message };
  }
  const { tag, vr, characters } = fault;
  if (IDENTIFYING.has(tag) && characters > MAX_IDENTIFIER) {
    const found = `${characters} characters in ${name}, which identifies`;
    throw new PipelineError("InputUnsupported", `entry ${ordinal} has ${found}, expected at most ${MAX_IDENTIFIER}`);
  }
  const limit = MAX_CHARACTERS[vr] ?? 0;
  const fate = IDENTIFYING.has(tag)
    ? "repeat it as it is, since it identifies"
    : SHORTENED.has(vr)
      ? `repeat the first ${limit}`
      : "leave it out";
  const found = `${name} of entry ${ordinal} has ${characters} characters`;
  return { code: "TextTooLong", message: `${found}, its VR ${vr} allows ${limit}: DICOM results ${fate}` };
}

/** A UID that a DICOM result can refer to; empty where it is none. */
export function uidOrNone(text: string | null): string {
  return text !== null && text.length <= 64 ? text : "";
}

/** A code that may be shown (PS3.5: CS), in the letters that it was written in; null for anything else. */
export function shownCode(text: string | null): string | null {
  return text !== null && /^[A-Za-z0-9_ ]{1,16}$/.test(text) ? text : null;
}

/** Characters, not the halves of them that JavaScript counts. */
function charactersOf(text: string): number {
  return [...text].length;
}

/** Characters of a value, of a name those of its longest component group. */
function longest(value: string, vr: string): number {
  return vr === "PN" ? Math.max(...value.split("=").map(charactersOf)) : charactersOf(value);
}

function cut(value: string, vr: string, limit: number): string {
  const first = (text: string) => [...text].slice(0, limit).join("").trim();
  return vr === "PN" ? value.split("=").slice(0, 3).map(first).join("=") : first(value);
}
