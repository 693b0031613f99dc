import { decodeJapanese } from "./japanese-text.js";

/** Defined terms of Specific Character Set (PS3.3 C.12.1.1.2) and the decoder that reads them. */
const DECODERS: ReadonlyMap<string, string> = new Map([
  ["ISO_IR 6", "latin1"],
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

/**
 * Text of a DICOM element in the file's character set; unknown sets are read as Latin-1. Of several sets (ISO 2022)
 * the last is taken for bytes beyond ASCII, which holds for the usual pairs of ASCII and one national set; Japanese sets
 * are read together.
 *
 * @param characterSets the values of Specific Character Set, empty for the default
 */
export function decodeText(bytes: Uint8Array, characterSets: readonly string[]): string {
  const terms = characterSets.map((set) => set.trim().replace(/^ISO 2022 IR/, "ISO_IR"));
  const last = terms.at(-1) ?? "";
  const isJapanese = last === KATAKANA || KANJI.includes(last);
  // Kanji need their escape sequences; the others say by their high bit what they are.
  if (isJapanese && KANJI.some((kanji) => terms.includes(kanji))) {
    return decodeJapanese(bytes, terms.includes(KATAKANA));
  }
  return new TextDecoder(DECODERS.get(last) ?? "latin1").decode(withoutEscapes(bytes));
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
