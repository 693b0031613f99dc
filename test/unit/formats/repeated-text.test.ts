import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import type { DicomSource } from "#src/formats/scan.js";
import { type DicomElements, SYNTAX } from "../../support/dicom-builder.js";
import { phantomSeries, uploadOf } from "../../support/phantom-series.js";

/** A series whose slices all have these elements, as found and loaded. */
async function withText(changed: DicomElements, transferSyntax: string = SYNTAX.explicitLittle) {
  const files = phantomSeries({ transferSyntax, edit: (elements) => Object.assign(elements, changed) });
  const entries = uploadOf(files);
  const { scans } = await findScans(entries);
  const [found] = scans;
  if (found === undefined) throw new TypeError("no scan");
  const { dicom } = await loadScan(found, entries);
  const warnings = found.warnings.map(({ code, message }) => `${code}: ${message}`);
  return { dicom, warnings, value: (tag: string) => attributeOf(dicom, tag) };
}

const attributeOf = (dicom: DicomSource | null, tag: string) => dicom?.attributes[tag]?.Value;

describe("header text that is longer than its VR", () => {
  it("is shortened where it describes, with a warning that quotes nothing of it", async () => {
    // UT holds what LO cannot: the reader goes by the attribute.
    const { value, warnings } = await withText({ "00081030": { vr: "UT", Value: ["Doe ".repeat(17_500)] } });
    expect(value("00081030")).toEqual(["Doe ".repeat(16).trim()]);
    expect(warnings).toEqual([
      "TextTooLong: (0008,1030) of entry 0 has 69999 characters, its VR LO allows 64: DICOM results repeat the first 64",
    ]);
  });

  it("is shortened in each component group of a name, and by characters, not bytes", async () => {
    const name = `${"ä".repeat(70)}=${"b".repeat(64)}=c`;
    const { value } = await withText({
      "00080005": { vr: "CS", Value: ["ISO_IR 192"] },
      "00080090": { vr: "PN", Value: [name] },
    });
    expect(value("00080090")).toEqual([{ Alphabetic: "ä".repeat(64), Ideographic: "b".repeat(64), Phonetic: "c" }]);
  });

  it("is kept where it identifies: cut, two patients could become one", async () => {
    const id = "4".repeat(70);
    const { value, warnings } = await withText({ "00100020": { vr: "LO", Value: [id] } });
    expect(value("00100020")).toEqual([id]);
    expect(warnings).toEqual([
      "TextTooLong: (0010,0020) of entry 0 has 70 characters, its VR LO allows 64: DICOM results repeat it as it is, since it identifies",
    ]);
  });

  it.each([["00100020"], ["00100010"], ["00080050"]])(
    "is refused where it identifies and no archive would take it: %s",
    async (tag) => {
      await expect(withText({ [tag]: { vr: "UT", Value: ["x".repeat(70_000)] } })).rejects.toMatchObject({
        code: "InputUnsupported",
        message: expect.stringMatching(
          /^entry 0 has 70000 characters in \(\w{4},\w{4}\), which identifies, expected at most 1024$/,
        ),
      });
    },
  );

  it("is left out where a date, code or number cannot be so long", async () => {
    const { value, warnings } = await withText({
      "00100030": { vr: "UT", Value: ["1".repeat(70_000)] },
      "00100040": { vr: "UT", Value: ["O".repeat(17)] },
    });
    expect([value("00100030"), value("00100040")]).toEqual([undefined, undefined]);
    expect(warnings.map((one) => one.split(": ").at(-1))).toEqual([
      "DICOM results leave it out",
      "DICOM results leave it out",
    ]);
  });

  it("makes no UID: without one that fits nothing can refer to the series", async () => {
    const { dicom, warnings } = await withText({ "0020000D": { vr: "UT", Value: ["1.2".repeat(23_000)] } });
    expect(dicom).toBeNull();
    expect(warnings).toContainEqual(expect.stringContaining("SourceUnidentified"));
    const { dicom: other } = await withText({ "00200052": { vr: "UT", Value: ["1.2".repeat(23_000)] } });
    expect([other?.frameOfReferenceUid, attributeOf(other, "00200052")]).toEqual(["", undefined]);
  });

  it("does no harm in thousands of values", async () => {
    const { value } = await withText(
      { "00081030": { vr: "UT", Value: ["a\\".repeat(40_000)] } },
      SYNTAX.implicitLittle,
    );
    expect(value("00081030")).toHaveLength(16);
  });

  it("is left alone where it fits, with no warning", async () => {
    const { value, warnings } = await withText({ "00081030": { vr: "LO", Value: ["y".repeat(64)] } });
    expect([value("00081030"), warnings]).toEqual([["y".repeat(64)], []]);
  });
});

describe("header text of another form than its VR has", () => {
  it.each([
    { tag: "00100030", vr: "DA", text: "1970.01.02", value: "19700102" },
    { tag: "00100030", vr: "DA", text: "1970-01-02", value: "19700102" },
    { tag: "00080020", vr: "DA", text: "2020/12/31", value: "20201231" },
    { tag: "00080030", vr: "TM", text: "10:11:12.5", value: "101112.5" },
    { tag: "00080030", vr: "TM", text: "10:11", value: "1011" },
    { tag: "00101010", vr: "AS", text: "50", value: "050Y" },
    { tag: "00101010", vr: "AS", text: "7m", value: "007M" },
    { tag: "00100040", vr: "CS", text: "Female", value: "F" },
    { tag: "00100040", vr: "CS", text: "m", value: "M" },
    { tag: "00120062", vr: "CS", text: "yes", value: "YES" },
    { tag: "00081030", vr: "LO", text: "Head\nplain", value: "Head plain" },
  ])("is repeated as the VR has it: $text of $tag", async ({ tag, vr, text, value: expected }) => {
    // LT holds any text: the reader goes by the attribute.
    const { value, warnings } = await withText({ [tag]: { vr: "LT", Value: [text] } });
    expect(value(tag)).toEqual([expected]);
    const name = `(${tag.slice(0, 4)},${tag.slice(4)})`;
    expect(warnings).toEqual([
      `ValueMalformed: ${name} of entry 0 is no value of its VR ${vr}: DICOM results repeat it in the form that it has`,
    ]);
  });

  it.each([
    ["00100030", "19701301"],
    ["00100030", "1970"],
    ["00100030", "70.01.02"],
    ["00080030", "25:00"],
    ["00101010", "old"],
    ["00100040", "Mujer"],
    ["00101030", "70 kg"],
  ])("is left out where nobody can say what it means: %s %s", async (tag, text) => {
    const { value, warnings } = await withText({ [tag]: { vr: "LT", Value: [text] } });
    expect(value(tag)).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/^ValueMalformed: .*: DICOM results leave it out$/)]);
  });

  it("is one value where there can be but one", async () => {
    const { value, warnings } = await withText({ "00100040": { vr: "CS", Value: ["F", "M"] } });
    expect([value("00100040"), warnings.length]).toEqual([["F"], 1]);
  });

  it("is kept of what identifies, and of UIDs", async () => {
    const { value, dicom, warnings } = await withText({
      "00100010": { vr: "LT", Value: ["A^B\\C^D"] },
      "0020000D": { vr: "UI", Value: ["1.2.3.004.5"] },
    });
    expect(value("00100010")).toEqual([{ Alphabetic: "A^B" }, { Alphabetic: "C^D" }]);
    expect([dicom?.studyInstanceUid, warnings]).toEqual(["1.2.3.004.5", []]);
  });

  it("is a character set that is guessed, once for a file", async () => {
    const { value, warnings } = await withText({
      "00080005": { vr: "CS", Value: ["ISO_IR 999"] },
      "00100010": { vr: "PN", Value: [{ Alphabetic: "Müller" }] },
      "00081030": { vr: "LO", Value: ["Schädel"] },
    });
    expect(value("00100010")).toEqual([{ Alphabetic: "Müller" }]);
    expect(warnings.map((one) => one.split(":")[0])).toEqual(["CharacterSetGuessed"]);
  });
});

describe("a modality", () => {
  it.each(["Doe^John", "M".repeat(60), "<b>MR</b>", "MR\nMR"])(
    "that is none is told to nobody: %j",
    async (modality) => {
      const files = phantomSeries({
        edit: (elements) => Object.assign(elements, { "00080060": { vr: "UT", Value: [modality] } }),
      });
      const { scans } = await findScans(uploadOf(files));
      expect(scans.map((scan) => scan.modality)).toEqual([null]);
    },
  );
});
