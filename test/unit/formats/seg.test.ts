import dicomParser from "dicom-parser";
import { describe, expect, it } from "vitest";
import { cieLabOf } from "#src/formats/cielab.js";
import { decimalString, writeDicomFile } from "#src/formats/dicom-write.js";
import { readSegGeometry } from "#src/formats/seg-read.js";
import { writeSeg } from "#src/formats/seg-write.js";
import { type PhantomSeries, PLANES, phantomSeries, uploadOf } from "../../support/phantom-series.js";
import { labelPlace, SEGMENTS, segOptions } from "../../support/seg-phantom.js";

describe("writeSeg", () => {
  it.each(Object.keys(PLANES) as (keyof typeof PLANES)[])(
    "puts every segment of a %s series in its place",
    async (plane) => {
      const options = await segOptions(uploadOf(phantomSeries({ plane, size: [7, 6, 5] })));
      const geometry = readSegGeometry(writeSeg(options));
      expect(geometry.map((segment) => segment.number)).toEqual([1, 2]);
      for (const [s, { voxels, centroidRasMm, volumeMm3 }] of geometry.entries()) {
        const expected = labelPlace(options.labels, SEGMENTS[s]?.value ?? 0);
        expect(voxels).toBe(expected.voxels);
        for (const axis of [0, 1, 2]) expect(centroidRasMm?.[axis]).toBeCloseTo(expected.centroid[axis] ?? 0, 4);
        expect(volumeMm3).toBeCloseTo(expected.voxels * 0.75 * 1.25 * 3, 4);
      }
    },
  );

  it("writes the same bytes each time, and others for another result", async () => {
    const options = await segOptions(uploadOf(phantomSeries()));
    expect(writeSeg(options)).toEqual(writeSeg(options));
    const other = writeSeg({ ...options, identity: "r-ff23456789abcdef0123456789abcdef01234567" });
    expect(uidOf(other)).not.toBe(uidOf(writeSeg(options)));
  });

  it("writes a frame for every slice of every segment, each with its source slice", async () => {
    const options = await segOptions(uploadOf(phantomSeries()));
    const dataSet = dicomParser.parseDicom(writeSeg(options));
    expect(dataSet.intString("x00280008")).toBe(8);
    const frames = dataSet.elements.x52009230?.items?.map((item) => item.dataSet) ?? [];
    const sources = frames.map((frame) => {
      const derivation = frame?.elements.x00089124?.items?.[0]?.dataSet;
      return derivation?.elements.x00082112?.items?.[0]?.dataSet?.string("x00081155");
    });
    const slices = options.source.slices.map((slice) => slice.sopInstanceUid);
    expect(sources).toEqual([...slices, ...slices]);
  });

  it("repeats patient and study of the source and takes dates from nowhere else", async () => {
    const dataSet = dicomParser.parseDicom(writeSeg(await segOptions(uploadOf(phantomSeries()))));
    expect(dataSet.string("x00100010")).toBe("Phantom^Head");
    expect(dataSet.string("x0020000d")).toBe("1.2.826.0.1.3680043.10");
    expect([dataSet.string("x00080023"), dataSet.string("x00080033")]).toEqual(["20200103", "101114"]);
    const undated = phantomSeries({
      edit: (elements) => {
        for (const tag of ["00080020", "00080021", "00080023", "00080030", "00080031", "00080033"])
          delete elements[tag];
      },
    });
    const bare = dicomParser.parseDicom(writeSeg(await segOptions(uploadOf(undated))));
    expect([bare.string("x00080023"), bare.string("x00080033")]).toEqual(["19000101", "000000"]);
    expect(bare.elements.x00080020?.length).toBe(0);
  });

  it("says of its source's compression what was lost, and when, in any slice", async () => {
    const lossyOf = async (edit: PhantomSeries["edit"]) => {
      const options = await segOptions(uploadOf(phantomSeries(edit === undefined ? {} : { edit })));
      const dataSet = dicomParser.parseDicom(writeSeg(options));
      return ["x00282110", "x00282112", "x00282114"].map((tag) => dataSet.string(tag));
    };
    expect(await lossyOf(undefined)).toEqual(["00", undefined, undefined]);
    const lost = await lossyOf((elements, k) => {
      if (k !== 2) return;
      elements["00282110"] = { vr: "CS", Value: ["01"] };
      elements["00282112"] = { vr: "DS", Value: ["8.5", "3"] };
      elements["00282114"] = { vr: "CS", Value: ["ISO_10918_1", "ISO_15444_1"] };
    });
    expect(lost).toEqual(["01", "8.5\\3", "ISO_10918_1\\ISO_15444_1"]);
  });

  it("says that it is for research use only", async () => {
    const dataSet = dicomParser.parseDicom(writeSeg(await segOptions(uploadOf(phantomSeries()))));
    expect(dataSet.string("x00700081")).toBe("Research use only, not a medical device");
    expect(dataSet.string("x0008103e")).toBe("phantom-net (research use only)");
  });

  it("refuses a label without a segment and a grid of another depth", async () => {
    const options = await segOptions(uploadOf(phantomSeries()));
    expect(() => writeSeg({ ...options, segments: SEGMENTS.slice(0, 1) })).toThrow(RangeError);
    const source = { ...options.source, slices: options.source.slices.slice(1) };
    expect(() => writeSeg({ ...options, source })).toThrow(RangeError);
  });
});

describe("readSegGeometry", () => {
  it("refuses what is no segmentation, or lacks pixels", async () => {
    const seg = writeSeg(await segOptions(uploadOf(phantomSeries())));
    for (const bytes of [new Uint8Array(10), phantomSeries()[0]?.bytes ?? new Uint8Array(), seg.subarray(0, 3000)]) {
      expect(() => readSegGeometry(bytes)).toThrow(expect.objectContaining({ code: "ResultInvalid" }));
    }
  });

  it("gives an empty segment no place", async () => {
    const options = await segOptions(uploadOf(phantomSeries()));
    const labels = { ...options.labels, data: new Uint8Array(options.labels.data.length) };
    expect(readSegGeometry(writeSeg({ ...options, labels }))).toEqual([
      { number: 1, voxels: 0, centroidRasMm: null, volumeMm3: 0 },
      { number: 2, voxels: 0, centroidRasMm: null, volumeMm3: 0 },
    ]);
  });
});

describe("writeDicomFile", () => {
  it("writes decimal strings of at most 16 characters", () => {
    expect([1, -0.859375, 1 / 3, -1 / 3, 123456.78901234567, -1.5e-12].map(decimalString)).toEqual([
      "1",
      "-0.859375",
      "0.33333333333333",
      "-0.3333333333333",
      "123456.789012346",
      "-1.5e-12",
    ]);
    expect(() => decimalString(Number.NaN)).toThrow(TypeError);
  });

  it("pads values to an even length, each in its way", () => {
    const file = writeDicomFile({
      "00080016": { vr: "UI", Value: ["1.2"] },
      "00080018": { vr: "UI", Value: ["1.2.3"] },
      "00100010": { vr: "PN", Value: [{ Alphabetic: "Buc^Jérôme", Phonetic: "x" }] },
      "7FE00010": { vr: "OB", Value: [Uint8Array.of(1, 2, 3)] },
    });
    expect(file.length % 2).toBe(0);
    const dataSet = dicomParser.parseDicom(file);
    expect(dataSet.elements.x7fe00010?.length).toBe(4);
    const name = dataSet.elements.x00100010;
    expect(Buffer.from(file).toString("utf8", name?.dataOffset, (name?.dataOffset ?? 0) + (name?.length ?? 0))).toBe(
      "Buc^Jérôme==x ",
    );
  });

  it("refuses values that a VR cannot hold", () => {
    expect(() => writeDicomFile({ "00080016": { vr: "UI", Value: [{}] } })).toThrow(TypeError);
    expect(() => writeDicomFile({ "7FE00010": { vr: "OB", Value: ["text"] } })).toThrow(TypeError);
    expect(() => writeDicomFile({ "00081030": { vr: "LO", Value: ["x".repeat(70_000)] } })).toThrow(TypeError);
  });
});

describe("cieLabOf", () => {
  // L*a*b* of sRGB red under D65: 53.24, 80.09, 67.20.
  it.each([
    { rgb: [255, 255, 255] as const, lab: [65535, 32896, 32896] },
    { rgb: [0, 0, 0] as const, lab: [0, 32896, 32896] },
    { rgb: [255, 0, 0] as const, lab: [34891, 53480, 50167] },
  ])("scales $rgb to 16 bits", ({ rgb, lab }) => {
    for (const [i, value] of cieLabOf(rgb).entries()) expect(Math.abs(value - (lab[i] ?? 0))).toBeLessThan(10);
  });
});

function uidOf(seg: Uint8Array): string | undefined {
  return dicomParser.parseDicom(seg).string("x00080018");
}
