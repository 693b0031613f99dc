import dicomParser from "dicom-parser";
import { describe, expect, it } from "vitest";
import { countedStream } from "#src/formats/counted-stream.js";
import { buildDicom, type DicomElements, SYNTAX, withoutPreamble } from "../../support/dicom-builder.js";

const NESTED: DicomElements = {
  "00080016": { vr: "UI", Value: ["1.2"] },
  "00081140": {
    vr: "SQ",
    Value: [
      { "00081150": { vr: "UI", Value: ["1.2"] }, "00081155": { vr: "UI", Value: ["1.3"] } },
      { "00400260": { vr: "SQ", Value: [{ "00080100": { vr: "SH", Value: ["A"] } }] } },
    ],
  },
  "00100010": { vr: "PN", Value: ["a"] },
  "7FE00010": { vr: "OW", Value: [new Uint8Array(8).buffer] },
};

describe("countedStream", () => {
  it.each([
    [SYNTAX.explicitLittle, dicomParser.readDicomElementExplicit, dicomParser.littleEndianByteArrayParser],
    [SYNTAX.implicitLittle, dicomParser.readDicomElementImplicit, dicomParser.littleEndianByteArrayParser],
    [SYNTAX.explicitBig, dicomParser.readDicomElementExplicit, dicomParser.bigEndianByteArrayParser],
  ])("counts each element and item that is read: %s", (syntax, read, parser) => {
    const bytes = withoutPreamble(buildDicom(NESTED, syntax));
    let count = 0;
    const stream = countedStream(parser, bytes, 0, () => count++);
    let outer = 0;
    for (; stream.position < bytes.length; outer++) read(stream);
    expect(outer).toBe(4);
    // Four outside, two items of two and one element, an item of one; dcmjs may end items by delimiters.
    expect(count).toBeGreaterThanOrEqual(11);
    expect(count).toBeLessThanOrEqual(16);
  });
});
