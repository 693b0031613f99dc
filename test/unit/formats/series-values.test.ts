import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { buildDicom, type DicomElements } from "../../support/dicom-builder.js";
import { phantomSlice, uploadOf } from "../../support/phantom-series.js";

const us = (...Value: number[]) => ({ vr: "US", Value });
const pixels = (vr: string, values: ArrayBufferView) => ({ vr, Value: [values.buffer] });

/** Codes of all warnings of a series of one slice of 2 x 1 pixels, and its voxels. */
async function read(edits: DicomElements) {
  const base = phantomSlice({ size: [2, 1, 1] }, 0);
  for (const tag of ["00281052", "00281053", "7FE00010"]) delete base[tag];
  const entries = uploadOf([{ name: "a", bytes: buildDicom({ ...base, ...edits }) }]);
  const { scans } = await findScans(entries);
  const [scan] = scans;
  if (scan === undefined) throw new Error("nothing found");
  const { volume, warnings } = await loadScan(scan, entries);
  return { codes: [...scan.warnings, ...warnings].map(({ code }) => code), voxels: [...volume.data] };
}

const whole32 = (...values: number[]): DicomElements => ({
  "00280100": us(32),
  "00280101": us(32),
  "00280102": us(31),
  "00280103": us(0),
  "7FE00010": pixels("OW", Uint32Array.from(values)),
});

describe("a DICOM series", () => {
  it("of colour says that it is read as one number", async () => {
    const rgb = { "00280002": us(3), "00280004": { vr: "CS", Value: ["RGB"] }, "00280006": us(0) };
    const bits = { "00280100": us(8), "00280101": us(8), "00280102": us(7), "00280103": us(0) };
    const found = await read({ ...rgb, ...bits, "7FE00010": pixels("OB", Uint8Array.of(255, 0, 0, 0, 0, 255)) });
    expect(found.codes).toEqual(["ColourReduced"]);
    expect(found.voxels.map((value) => Math.round(100 * value))).toEqual([7625, 2907]);
  });

  it("of colours by a palette says so too", async () => {
    const table = (n: number, ...values: number[]): DicomElements => ({
      [`0028110${n}`]: us(2, 0, 16),
      [`0028120${n}`]: pixels("OW", Uint16Array.from(values)),
    });
    const bits = { "00280100": us(8), "00280101": us(8), "00280102": us(7), "00280103": us(0) };
    const found = await read({
      ...bits,
      ...table(1, 0, 1000),
      ...table(2, 0, 0),
      ...table(3, 0, 0),
      "00280004": { vr: "CS", Value: ["PALETTE COLOR"] },
      "7FE00010": pixels("OB", Uint8Array.of(1, 0)),
    });
    expect(found.codes).toEqual(["ColourReduced"]);
    expect(found.voxels).toEqual([299, 0]);
  });

  it("of grey says nothing", async () => {
    expect(await read(whole32(7, 2 ** 24 - 1))).toEqual({ codes: [], voxels: [7, 2 ** 24 - 1] });
  });

  it("of whole numbers beyond float32 says that they were rounded", async () => {
    expect(await read(whole32(7, 2 ** 24 + 1))).toEqual({ codes: ["PrecisionReduced"], voxels: [7, 2 ** 24] });
  });

  it("of real numbers has 0 where they are none", async () => {
    const real = { "00280100": us(32), "7FE00008": pixels("OF", Float32Array.of(Number.NaN, 1.5)) };
    expect(await read(real)).toEqual({ codes: ["NonFiniteVoxels"], voxels: [0, 1.5] });
  });

  it("of colours of 32 bits is read", async () => {
    const rgb = { ...whole32(0, 2 ** 20, 0, 10, 10, 10), "00280002": us(3), "00280006": us(0) };
    const found = await read({ ...rgb, "00280004": { vr: "CS", Value: ["RGB"] } });
    expect(found.codes).toEqual(["ColourReduced"]);
    expect(found.voxels[0]).toBeCloseTo(0.587 * 2 ** 20, 0);
    expect(found.voxels[1]).toBeCloseTo(10, 4);
  });
});
