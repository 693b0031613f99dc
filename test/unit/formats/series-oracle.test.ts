import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { niftiChannel, readNifti } from "#src/formats/nifti-read.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { applyAffine, composeAffine, invertAffine } from "#src/imaging/affine.js";
import type { Volume } from "#src/imaging/volume.js";

const SHARED = process.env.SCANLANE_SHARED_DATA ?? join(import.meta.dirname, "../../../../shared/data");
const DATA = join(SHARED, "dicom-scans");
/** Debian's package of this name. */
const DCM2NIIX = "dcm2niix";
const isThere = existsSync(DATA) && spawnSync(DCM2NIIX, ["-h"]).status === 0;

function folderUpload(folder: string): UploadEntry[] {
  return readdirSync(join(DATA, folder)).map((name, ordinal) => {
    const bytes = readFileSync(join(DATA, folder, name));
    return { ordinal, name, size: bytes.length, read: async () => bytes };
  });
}

/** Every volume that dcm2niix makes of a folder. */
function oracleVolumes(folder: string): Volume[] {
  const out = mkdtempSync(join(tmpdir(), "dcm2niix-"));
  spawnSync(DCM2NIIX, ["-z", "n", "-b", "n", "-f", "%s_%e_%z", "-o", out, join(DATA, folder)]);
  const files = readdirSync(out).filter((name) => name.endsWith(".nii"));
  const volumes = files.flatMap((name) => {
    const image = readNifti(readFileSync(join(out, name)));
    return Array.from({ length: image.channels }, (_, n) => niftiChannel(image, n));
  });
  rmSync(out, { recursive: true });
  return volumes;
}

/** Largest difference of a voxel and of a voxel's place, after finding each voxel of `a` in `b`. */
function compare(a: Volume, b: Volume): { value: number; mm: number } {
  const way = composeAffine(invertAffine(b.affineRas), a.affineRas);
  const [nx, ny] = a.size;
  let [value, mm] = [0, 0];
  for (const [i, ours] of a.data.entries()) {
    const voxel = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))] as const;
    const [x, y, z] = applyAffine(way, voxel).map(Math.round) as [number, number, number];
    const [there, here] = [applyAffine(b.affineRas, [x, y, z]), applyAffine(a.affineRas, voxel)];
    mm = Math.max(mm, ...there.map((at, axis) => Math.abs(at - (here[axis] ?? 0))));
    const isInside = [x, y, z].every((at, axis) => at >= 0 && at < (b.size[axis] ?? 0));
    const theirs = isInside ? (b.data[x + b.size[0] * (y + b.size[1] * z)] ?? Number.NaN) : Number.NaN;
    value = Math.max(value, Math.abs(theirs - ours));
  }
  return { value, mm };
}

describe("series of several volumes, beside dcm2niix", () => {
  it.skipIf(!isThere).each([
    { folder: "mr-ge-mr750-epi-10-volumes", volumes: 10 },
    { folder: "mr-siemens-skyra-mosaic-mr_0003", volumes: 2 },
    { folder: "mr-siemens-skyra-mosaic-mr_0005", volumes: 2 },
    { folder: "mr-siemens-vida-xa10-enhanced", volumes: 4 },
  ])(
    "have the same voxels in the same places: $folder (needs shared data and dcm2niix)",
    async ({ folder, volumes }) => {
      const entries = folderUpload(folder);
      const { scans } = await findScans(entries);
      const oracle = oracleVolumes(folder);
      expect([scans.length, oracle.length]).toEqual([volumes, volumes]);
      for (const [n, scan] of scans.entries()) {
        const { volume } = await loadScan(scan, entries);
        const { value, mm } = compare(volume, oracle[n] as Volume);
        expect(value).toBe(0);
        // Positions in the files are rounded to 0.0001 mm.
        expect(mm).toBeLessThan(0.001);
      }
    },
  );

  // dcm2niix scales the magnitude frames of this vendor by a private slope, so only their places are compared.
  it.skipIf(!existsSync(DATA))(
    "gives each kind of frame its own rescale: Philips Achieva (needs shared data)",
    async () => {
      const entries = folderUpload("mr-philips-achieva-enhanced");
      const { scans } = await findScans(entries);
      const ranges: number[][] = [];
      for (const scan of scans) {
        const { volume } = await loadScan(scan, entries);
        expect(volume.size).toEqual([64, 64, 32]);
        const low = volume.data.reduce((least, value) => Math.min(least, value));
        const high = volume.data.reduce((most, value) => Math.max(most, value));
        ranges.push([low, high].map((value) => Math.round(value * 1000) / 1000));
      }
      // By pydicom: stored values times the frame's slope and intercept.
      expect(ranges).toEqual([
        [-495.604, 497.314],
        [0, 2548.188],
      ]);
    },
  );

  it.skipIf(!existsSync(DATA)).each([
    { folder: "ct-ge-hispeed-tilt-two-spacings", size: [512, 611, 37], stepMm: 4.002 },
    { folder: "ct-philips-ingenuity-tilt-phantom", size: [512, 535, 14], stepMm: 2.397 },
  ])("brings $folder to a regular grid (needs shared data)", async ({ folder, size, stepMm }) => {
    const { scans } = await findScans(folderUpload(folder), { irregular: "resample" });
    expect(scans.map(({ grid }) => grid.size)).toEqual([size]);
    expect(scans[0]?.grid.spacingMm?.[2]).toBeCloseTo(stepMm, 3);
  });
});
