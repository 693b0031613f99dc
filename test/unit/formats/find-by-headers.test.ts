import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import type { FoundScan, UploadEntry } from "#src/formats/scan.js";
import { buildDicom, type DicomElements, SYNTAX } from "../../support/dicom-builder.js";
import { type PhantomFile, phantomSeries, phantomSlice, uploadOf } from "../../support/phantom-series.js";

/** A slice of 150 x 150 pixels of 16 bits is longer than what is read for a header. */
const SHAPE = { size: [150, 150, 4] as const };

/** An upload that counts the files that are read whole. */
function counted(files: readonly PhantomFile[]): { entries: UploadEntry[]; whole: () => number } {
  let whole = 0;
  const entries = uploadOf(files).map((entry) => ({
    ...entry,
    read: async (...loan: Parameters<UploadEntry["read"]>) => {
      whole++;
      return entry.read(...loan);
    },
    readHead: async (length: number) => (await entry.read()).subarray(0, length),
  }));
  return { entries, whole: () => whole };
}

function withoutDigests({ instances, ...scan }: FoundScan): unknown {
  return { ...scan, instances: instances.map((name) => name.replace(/ [0-9a-f]{64}$/, "")) };
}

describe("findScans by headers only", () => {
  it.each([SYNTAX.explicitLittle, SYNTAX.implicitLittle, SYNTAX.explicitBig])(
    "finds the same images in %s without reading a file whole",
    async (transferSyntax) => {
      const files = phantomSeries({ ...SHAPE, transferSyntax });
      const { entries, whole } = counted(files);
      const found = await findScans(entries, { headersOnly: true });
      const thorough = await findScans(uploadOf(files));
      expect(whole()).toBe(0);
      expect(found.scans.map(withoutDigests)).toEqual(thorough.scans.map(withoutDigests));
      expect(found.scans[0]?.instances).not.toEqual(thorough.scans[0]?.instances);
    },
  );

  it("reads a file whole whose header is longer, and one that is no DICOM", async () => {
    const long = (elements: DicomElements) => {
      elements["00204000"] = { vr: "LT", Value: ["x".repeat(40_000)] };
    };
    const files = [...phantomSeries({ ...SHAPE, edit: long }), { name: "notes", bytes: new Uint8Array(50_000) }];
    const { entries, whole } = counted(files);
    const found = await findScans(entries, { headersOnly: true });
    expect(whole()).toBe(5);
    expect(found.warnings.map(({ code }) => code)).toEqual(["FileIgnored"]);
    expect(found.scans.map(withoutDigests)).toEqual((await findScans(uploadOf(files))).scans.map(withoutDigests));
  });

  it("drops the same copies of slices and of files", async () => {
    const files = phantomSeries(SHAPE);
    const renamed = (elements: DicomElements) => {
      elements["00080018"] = { vr: "UI", Value: ["1.9.9"] };
    };
    const other = { name: "other", bytes: buildDicom(phantomSlice({ ...SHAPE, edit: renamed }, 1)) };
    const [first] = files;
    const upload = [other, ...files, ...(first === undefined ? [] : [first])];
    const found = await findScans(counted(upload).entries, { headersOnly: true });
    const thorough = await findScans(uploadOf(upload));
    expect(found.scans[0]?.entries).toEqual(thorough.scans[0]?.entries);
    expect(found.scans[0]?.warnings).toEqual(thorough.scans[0]?.warnings);
    expect(found.scans[0]?.warnings).toHaveLength(2);
  });

  it("leaves pixels that are missing to the reader of the image", async () => {
    const files = phantomSeries(SHAPE);
    const cut = files.map((file, n) => (n === 2 ? { ...file, bytes: file.bytes.subarray(0, -100) } : file));
    await expect(findScans(uploadOf(cut))).rejects.toThrow(/cut short/);
    const { scans } = await findScans(counted(cut).entries, { headersOnly: true });
    const [scan] = scans;
    if (scan === undefined) throw new Error("no scan was found");
    const loading = loadScan(scan, uploadOf(cut));
    await expect(loading).rejects.toThrow(PipelineError);
    await expect(loading).rejects.toThrow(/cut short/);
  });
});
