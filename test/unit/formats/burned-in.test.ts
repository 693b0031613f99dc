import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { definedModality } from "#src/formats/modalities.js";
import type { DicomElements } from "../../support/dicom-builder.js";
import { phantomSeries, uploadOf } from "../../support/phantom-series.js";

async function mayShowText(edit: (elements: DicomElements, k: number) => void): Promise<boolean | undefined> {
  return (await findScans(uploadOf(phantomSeries({ edit })))).scans[0]?.mayShowText;
}

const set =
  (tag: string, vr: string, ...Value: string[]) =>
  (elements: DicomElements) => {
    elements[tag] = { vr, Value };
  };

describe("text burned into an image", () => {
  it("is not expected in MR that says nothing of it, or NO", async () => {
    expect(await mayShowText(() => {})).toBe(false);
    expect(await mayShowText(set("00280301", "CS", "NO"))).toBe(false);
  });

  it("may be there where one slice says so", async () => {
    const one = (elements: DicomElements, k: number) => k === 2 && set("00280301", "CS", "YES")(elements);
    expect(await mayShowText((elements, k) => void one(elements, k))).toBe(true);
  });

  it.each([
    ["a secondary capture", "00080016", "UI", ["1.2.840.10008.5.1.4.1.1.7"]],
    ["ultrasound", "00080060", "CS", ["US"]],
    ["a modality of somebody's own", "00080060", "CS", ["DOE"]],
    ["a screen shot in the clothes of MR", "00080008", "CS", ["DERIVED", "SECONDARY", "SCREEN SAVE"]],
  ] as const)("may be there in %s", async (_, tag, vr, values) => {
    expect(await mayShowText(set(tag, vr, ...values))).toBe(true);
  });
});

describe("a modality", () => {
  it("is one of DICOM's own terms or none", () => {
    expect(["MR", "XC", "SM", "DOE^JOHN", "", null].map(definedModality)).toEqual(["MR", "XC", "SM", null, null, null]);
  });
});
