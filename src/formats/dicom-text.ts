import { decodeJapanese } from "./japanese-text.js";

/** Defined terms of Specific Character Set (PS3.3 C.12.1.1.2) and the decoder that reads them. */
const DECODERS: ReadonlyMap<string, string> = new Map([
  ["ISO_IR 100", "latin1"],
  ["ISO_IR 101", "iso-8859-2"],
  ["ISO_IR 109", "iso-8859-3"],
  ["ISO_IR 110", "iso-8859-4"],
  ["ISO_IR 144", "iso-8859-5"],
  ["ISO_IR 127", "iso-8859-6"],
  ["ISO_IR 126", "iso-8859-7"],
  ["ISO_IR 138", "iso-8859-8"],
  ["ISO_IR 148", "iso-8859-9"],
  ["ISO_IR 203", "iso-8859-15"],
  ["ISO_IR 166", "windows-874"],
  ["ISO_IR 13", "shift_jis"],
  ["ISO_IR 149", "euc-kr"],
  ["ISO_IR 58", "gb18030"],
  ["ISO_IR 192", "utf-8"],
  ["GB18030", "gb18030"],
  ["GBK", "gbk"],
]);

/** JIS X 0201 (half-width katakana) and, with escape sequences, JIS X 0208 and 0212. */
const KATAKANA = "ISO_IR 13";
const KANJI = ["ISO_IR 87", "ISO_IR 159"];

const ESCAPE = 0x1b;

/** Text, and whether its character set is a guess. */
export interface DecodedText {
  readonly text: string;
  readonly isGuessed: boolean;
}

/**
 * Text of a DICOM element in the file's character set, whose name may be misspelt (`ISO IR 192`, `UTF-8`). Of several
 * sets (ISO 2022) the last is taken for bytes beyond ASCII, which holds for the usual pairs of ASCII and one national
 * set; Japanese sets are read together. Bytes beyond ASCII in a set that is unknown or not named are UTF-8 where they
 * can be, else Latin-1: a guess.
 *
 * @param characterSets the values of Specific Character Set, empty for the default
 */
export function decodeText(bytes: Uint8Array, characterSets: readonly string[]): DecodedText {
  const terms = characterSets.map(definedTerm);
  // ASCII is part of every set, wherever it is named.
  const last = terms.findLast((term) => term !== "" && term !== ASCII) ?? "";
  const isJapanese = last === KATAKANA || KANJI.includes(last);
  // Kanji need their escape sequences; the others say by their high bit what they are.
  if (isJapanese && KANJI.some((kanji) => terms.includes(kanji))) {
    return { text: decodeJapanese(bytes, terms.includes(KATAKANA)), isGuessed: false };
  }
  const plain = withoutEscapes(bytes);
  const decoder = DECODERS.get(last);
  if (decoder !== undefined) return { text: new TextDecoder(decoder).decode(plain), isGuessed: false };
  return { text: utf8(plain) ?? new TextDecoder("latin1").decode(plain), isGuessed: plain.some((byte) => byte > 0x7f) };
}

const ASCII = "ISO_IR 6";

/** The defined term that a value of Specific Character Set means; the value in capitals where it means none. */
function definedTerm(value: string): string {
  const term = value.replaceAll("\0", "").trim().toUpperCase();
  const [, number] = /^ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?(\d+)$/.exec(term) ?? [];
  if (number !== undefined) return `ISO_IR ${number}`;
  if (/^UTF[ _-]?8$/.test(term)) return "ISO_IR 192";
  return term.replace(/^GB[ _-]?(18030|K)$/, "GB$1");
}

function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function withoutEscapes(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(ESCAPE)) return bytes;
  const out: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== ESCAPE) {
      out.push(bytes[i] ?? 0);
      continue;
    }
    // Escape, then intermediate bytes 0x20-0x2f, then one final byte.
    i++;
    while ((bytes[i] ?? 0) >= 0x20 && (bytes[i] ?? 0) <= 0x2f) i++;
  }
  return Uint8Array.from(out);
}
