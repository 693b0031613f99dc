import { describe, expect, it } from "vitest";
import { derivedUid } from "#src/core/ids.js";
import { pseudonymsOf } from "#src/core/pseudonyms.js";
import { type DeidentifiedSource, deidentifiedSource } from "#src/formats/confidentiality-profile.js";
import { writeDicomFile } from "#src/formats/dicom-write.js";
import { writeRtStruct } from "#src/formats/rtstruct-write.js";
import type { SegLabels, SegOptions } from "#src/formats/seg-options.js";
import { writeSeg } from "#src/formats/seg-write.js";
import { writeMeasurementReport } from "#src/formats/sr-write.js";
import { proveDeidentified } from "#src/stages/proof/prove-deidentified.js";
import { enhancedFile } from "../../../support/dicom-shapes.js";
import { phantomSeries, uploadOf } from "../../../support/phantom-series.js";
import { reportOptions } from "../../../support/report-phantom.js";
import { segOptions } from "../../../support/seg-phantom.js";

const pseudonyms = pseudonymsOf(new Uint8Array(32).fill(1));
const classic = () => uploadOf(phantomSeries());
const enhanced = () => uploadOf([{ name: "x", bytes: enhancedFile({}, [{ k: 3 }, { k: 0 }, { k: 2 }, { k: 1 }]) }]);

interface Deidentified {
  readonly options: SegOptions & SegLabels;
  readonly found: DeidentifiedSource;
}

async function deidentified(entries: ReturnType<typeof classic>): Promise<Deidentified> {
  const options = await segOptions(entries);
  const found = deidentifiedSource(options.source, pseudonyms);
  return { options: { ...options, source: found.source }, found };
}

const fractional = ({ labels, segments, source, algorithm, identity }: SegOptions & SegLabels) =>
  writeSeg({
    ...{ segments, source, algorithm, identity, kind: "fractional", size: labels.size },
    probabilities: new Map(segments.map(({ value }) => [value, new Float32Array(labels.data.length).fill(0.5)])),
  });

describe("the proof of a de-identified object", () => {
  it.each([
    ["slices", classic],
    ["frames of one object", enhanced],
  ])("knows every attribute that writers write, of %s", async (_, upload) => {
    const { options, found } = await deidentified(upload());
    const report = { ...(await reportOptions(upload())), source: found.source };
    for (const bytes of [
      writeSeg({ ...options, kind: "binary" }),
      writeSeg({ ...options, kind: "labelmap" }),
      fractional(options),
      writeRtStruct(options),
      writeMeasurementReport(report),
    ]) {
      expect(() => proveDeidentified(bytes, found)).not.toThrow();
    }
  });

  it("refuses an object that was made of the source itself", async () => {
    const { found } = await deidentified(classic());
    const options = await segOptions(classic());
    for (const bytes of [writeSeg(options), writeRtStruct(options)]) {
      expect(() => proveDeidentified(bytes, found)).toThrow(/element (0008|0020)\w{4} a (UID|value) of its source/);
    }
  });

  it("refuses an attribute that nobody said anything of, wherever it lies", async () => {
    const { found } = await deidentified(classic());
    const item = { "00080080": { vr: "LO", Value: ["St. Elsewhere"] } };
    for (const elements of [item, { "00081115": { vr: "SQ", Value: [item] } }]) {
      const bytes = writeDicomFile({ "00120062": { vr: "CS", Value: ["YES"] }, ...elements });
      expect(() => proveDeidentified(bytes, found)).toThrow(/element 00080080, which is not known/);
    }
  });

  it("refuses a UID of the source in a nested sequence, and an object that does not say what was done", async () => {
    const { options, found } = await deidentified(classic());
    const [original = ""] = found.uids.keys();
    const reference = { "00081155": { vr: "UI", Value: [original] } };
    const nested = { "00081199": { vr: "SQ", Value: [reference] } };
    const said = { "00120062": { vr: "CS", Value: ["YES"] } };
    const bytes = writeDicomFile({ ...said, "0040A375": { vr: "SQ", Value: [nested] } });
    expect(() => proveDeidentified(bytes, found)).toThrow(/element 00081155 a UID of its source/);
    const { "00120062": _removed, ...attributes } = options.source.attributes;
    const silent = writeSeg({ ...options, source: { ...options.source, attributes } });
    expect(() => proveDeidentified(silent, found)).toThrow(/does not say that identity was removed/);
  });

  it("of a source without a frame of reference: the one made up follows from the new UID of the series", async () => {
    const plain = await segOptions(classic());
    const bare = { ...plain.source, frameOfReferenceUid: "" };
    const found = deidentifiedSource(bare, pseudonyms);
    const bytes = Buffer.from(writeSeg({ ...plain, source: found.source }));
    expect(bytes.includes(derivedUid("frame of reference", found.source.seriesInstanceUid))).toBe(true);
    expect(bytes.includes(derivedUid("frame of reference", bare.seriesInstanceUid))).toBe(false);
  });
});
