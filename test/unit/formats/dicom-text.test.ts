import { describe, expect, it } from "vitest";
import { parseDicomFile } from "#src/formats/dicom-file.js";
import { copiedAttributes } from "#src/formats/dicom-source.js";
import { decodeText } from "#src/formats/dicom-text.js";
import { buildDicom } from "../../support/dicom-builder.js";

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
/** PS3.5 H.3.2: a name in half-width katakana, kanji and hiragana. */
const KATAKANA_NAME = bytesOf(
  `d4 cf c0 de 5e c0 db b3 3d 1b 24 42 3b 33 45 44 1b 28 4a 5e 1b 24 42 42 40 4f 3a 1b 28 4a 3d
   1b 24 42 24 64 24 5e 24 40 1b 28 4a 5e 1b 24 42 24 3f 24 6d 24 26 1b 28 4a`.replaceAll("\n", ""),
);
const KATAKANA_SETS = ["ISO 2022 IR 13", "ISO 2022 IR 87"];

describe("decodeText", () => {
  it.each([
    [
      "kanji with ASCII, as PS3.5 H.3.1",
      ["", "ISO 2022 IR 87"],
      `59 61 6d 61 64 61 5e 54 61 72 6f 75 3d 1b 24 42 3b 33 45 44 1b 28 42 5e 1b 24 42 42 40 4f 3a 1b 28 42`,
      "Yamada^Tarou=山田^太郎",
    ],
    ["half-width katakana alone", ["ISO_IR 13"], "d4 cf c0 de 5e c0 db b3", "ﾔﾏﾀﾞ^ﾀﾛｳ"],
    ["kanji where katakana come last", ["ISO 2022 IR 87", "ISO 2022 IR 13"], "d4 1b 24 42 3b 33 1b 28 4a 41", "ﾔ山A"],
    ["katakana that are asked for by an escape", ["", "ISO 2022 IR 87"], "1b 29 49 d4 cf 1b 24 42 3b 33", "ﾔﾏ山"],
    ["katakana of 7 bits", ["", "ISO 2022 IR 87"], "1b 28 49 54 4f 1b 28 42 54 4f", "ﾔﾏTO"],
    ["JIS X 0212", ["", "ISO 2022 IR 159"], "1b 24 28 44 30 21 1b 28 42 41", "丂A"],
    ["a new line without its escape", ["", "ISO 2022 IR 87"], "1b 24 42 3b 33 0d 0a 41", "山\r\nA"],
    ["no katakana where nobody says so", ["ISO 2022 IR 100", "ISO 2022 IR 87"], "e9 41", "\ufffdA"],
    ["half a character at the end", ["", "ISO 2022 IR 87"], "1b 24 42 3b 33 3b", "山\ufffd"],
    ["Korean", ["", "ISO 2022 IR 149"], "1b 24 29 43 b1 e8 5e", "김^"],
  ])("reads %s", (_, sets, hex, text) => {
    expect(decodeText(bytesOf(hex), sets)).toEqual({ text, isGuessed: false });
  });

  it.each([["ISO IR 192"], ["ISO_IR192"], ["iso_ir 192"], ["UTF-8"], ["utf8"], ["ISO-IR 192"], ["ISO 2022 IR 192"]])(
    "knows UTF-8 as %s",
    (set) => {
      expect(decodeText(bytesOf("c3 a9"), [set])).toEqual({ text: "é", isGuessed: false });
    },
  );

  it("knows other sets misspelt, and the one before ASCII", () => {
    expect(decodeText(bytesOf("b8"), ["ISO-IR 144"]).text).toBe("И");
    expect(decodeText(bytesOf("b8"), ["iso 2022 ir 144", "ISO 2022 IR 6"])).toEqual({ text: "И", isGuessed: false });
  });

  it.each([[[]], [["ISO_IR 6"]], [["ISO_IR 999"]], [["ANSI"]]])("guesses beyond ASCII in a set of %j", (sets) => {
    expect(decodeText(bytesOf("41 c3 a9"), sets)).toEqual({ text: "Aé", isGuessed: true });
    expect(decodeText(bytesOf("41 e9"), sets)).toEqual({ text: "Aé", isGuessed: true });
    expect(decodeText(bytesOf("41 42"), sets)).toEqual({ text: "AB", isGuessed: false });
  });

  it("reads half-width katakana beside kanji, as PS3.5 H.3.2", () => {
    expect(decodeText(KATAKANA_NAME, KATAKANA_SETS).text).toBe("ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう");
  });
});

describe("a patient's name in half-width katakana", () => {
  it("is what derived objects repeat", () => {
    // As bytes of an element that dcmjs does not encode anew.
    const file = Buffer.from(
      buildDicom({
        "00080005": { vr: "CS", Value: KATAKANA_SETS },
        "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.4"] },
        "00100010": { vr: "PN", Value: [{ Alphabetic: "x".repeat(KATAKANA_NAME.length) }] },
      }),
    );
    file.set(KATAKANA_NAME, file.indexOf("xxxxxxxx"));
    const parsed = parseDicomFile(file, "entry 0");
    if (parsed === null) throw new Error("no DICOM");
    expect(copiedAttributes(parsed)["00100010"]?.Value).toEqual([
      { Alphabetic: "ﾔﾏﾀﾞ^ﾀﾛｳ", Ideographic: "山田^太郎", Phonetic: "やまだ^たろう" },
    ]);
  });
});
