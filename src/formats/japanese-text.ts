/** What bytes are after an escape sequence of ISO 2022: which sets it designates, and how many bytes a character takes. */
type Set2022 = "single" | "katakana" | "kanji" | "supplementary";

/** Escape sequences into G0 of the Japanese sets of PS3.3 C.12.1.1.2, without the escape itself. */
const DESIGNATIONS: ReadonlyMap<string, Set2022> = new Map([
  ["(B", "single"],
  ["(J", "single"],
  ["(I", "katakana"],
  ["$B", "kanji"],
  ["$@", "kanji"],
  ["$(D", "supplementary"],
]);
/** Katakana of JIS X 0201 into G1, which bytes beyond ASCII stand for. */
const KATAKANA_IN_G1 = ")I";

const ESCAPE = 0x1b;
/** In EUC-JP: before half-width katakana, before JIS X 0212, and what is no character. */
const [SINGLE_SHIFT_2, SINGLE_SHIFT_3, INVALID] = [0x8e, 0x8f, 0xff];

/**
 * Text in Japanese sets with escape sequences (ISO IR 13, 87 and 159). It is brought to EUC-JP, which holds all of
 * them: decoders of ISO-2022-JP know neither katakana of 8 bits, which names of patients are written in, nor JIS X 0212.
 *
 * @param hasKatakana whether bytes beyond ASCII are half-width katakana from the start: ISO IR 13 is among the sets
 */
export function decodeJapanese(bytes: Uint8Array, hasKatakana: boolean): string {
  const euc: number[] = [];
  let set: Set2022 = "single";
  let isKatakana = hasKatakana;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === ESCAPE) {
      const sequence = escapeSequence(bytes, i + 1);
      set = DESIGNATIONS.get(sequence) ?? set;
      isKatakana ||= sequence === KATAKANA_IN_G1;
      i += sequence.length;
    } else if (byte < 0x20) {
      // A new line begins with the sets that the text began with.
      set = "single";
      euc.push(byte);
    } else if (byte >= 0x80) {
      euc.push(...(isKatakana && byte > 0xa0 && byte < 0xe0 ? [SINGLE_SHIFT_2, byte] : [INVALID]));
    } else if (set === "single") {
      euc.push(byte);
    } else if (set === "katakana") {
      euc.push(SINGLE_SHIFT_2, byte | 0x80);
    } else {
      if (set === "supplementary") euc.push(SINGLE_SHIFT_3);
      i++;
      euc.push(byte | 0x80, (bytes[i] ?? 0x7f) | 0x80);
    }
  }
  return new TextDecoder("euc-jp").decode(Uint8Array.from(euc));
}

/** Intermediate bytes 0x20-0x2f, then one final byte; of two bytes to a character `$` alone may come before it. */
function escapeSequence(bytes: Uint8Array, from: number): string {
  let end = from;
  while ((bytes[end] ?? 0) >= 0x20 && (bytes[end] ?? 0) <= 0x2f) end++;
  return String.fromCharCode(...bytes.subarray(from, end + 1));
}
