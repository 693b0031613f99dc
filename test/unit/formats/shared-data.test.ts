import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { sha256 } from "#src/core/ids.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { readNifti } from "#src/formats/nifti-read.js";
import type { UploadEntry } from "#src/formats/scan.js";

const DATA = process.env.SCANLANE_SHARED_DATA ?? resolve(import.meta.dirname, "../../../../shared/data");
const isThere = (folder: string) => existsSync(join(DATA, folder));

function folderUpload(folder: string): UploadEntry[] {
  const path = join(DATA, folder);
  return readdirSync(path)
    .sort()
    .map((name, ordinal) => ({ ordinal, name, size: 0, read: async () => readFileSync(join(path, name)) }));
}

async function loadOnly(entries: readonly UploadEntry[]) {
  const { scans } = await findScans(entries);
  const [scan] = scans;
  if (scan === undefined || scans.length !== 1) throw new Error(`expected one scan, got ${scans.length}`);
  return loadScan(scan, entries);
}

/** Mean, least and largest value: enough to notice another byte order, sign or scale. */
function summary(data: ArrayLike<number>): { mean: number; min: number; max: number } {
  let [sum, min, max] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < data.length; i++) {
    const value = data[i] ?? 0;
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { mean: sum / data.length, min, max };
}

describe("NIfTI files of other projects", () => {
  // Values by nibabel 5: get_fdata() with what is not finite set to 0, and img.affine.
  it.skipIf(!isThere("volume-formats/nibabel")).each(niftiCases())(
    "reads $file as nibabel does (needs shared data)",
    (expected) => {
      const image = readNifti(readFileSync(join(DATA, "volume-formats", expected.file)));
      expect([...image.size, image.channels]).toEqual(expected.shape);
      for (const [i, value] of expected.affine.entries()) expect(image.affineRas[i]).toBeCloseTo(value, 2);
      const found = summary(image.data);
      expect(found.mean).toBeCloseTo(expected.mean, 3);
      expect(found.min).toBeCloseTo(expected.min, 3);
      expect(found.max).toBeCloseTo(expected.max, 3);
    },
  );
});

describe("DICOM series of other projects", () => {
  it.skipIf(!isThere("msd-hippocampus/dicom-no-label"))(
    "reads the course's hippocampus series (needs shared data)",
    async () => {
      const { volume, dicom, warnings } = await loadOnly(folderUpload("msd-hippocampus/dicom-no-label/Study1"));
      expect(volume.size).toEqual([35, 51, 32]);
      // Identity orientation in LPS.
      expect(volume.affineRas).toEqual([-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 1]);
      expect(summary(volume.data)).toMatchObject({ min: 2, max: 154 });
      expect(dicom?.slices).toHaveLength(32);
      expect(warnings).toEqual([]);
    },
  );

  it.skipIf(!isThere("dicom-scans")).each([
    { folder: "ct-ge-hispeed-tilt-two-spacings", code: "SeriesIrregular", message: /a gantry tilt of 18.5 degrees/ },
    { folder: "ct-philips-ingenuity-tilt-phantom", code: "SeriesIrregular", message: /a gantry tilt of 16.5 degrees/ },
  ])("refuses $folder with $code (needs shared data)", async ({ folder, code, message }) => {
    const upload = findScans(folderUpload(`dicom-scans/${folder}`));
    await expect(upload).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.skipIf(!isThere("sunnybrook-lv"))(
    "reads one phase of a cardiac stack, whose slices name frames of their own (needs shared data)",
    async () => {
      const all = folderUpload("sunnybrook-lv/SCD0000101/dicom");
      const perSlice = new Map<string, UploadEntry>();
      for (const entry of all) {
        const [scan] = (await findScans([entry])).scans;
        const place = scan?.grid.affineRas.map((value) => value.toFixed(2)).join(" ") ?? "";
        if (!perSlice.has(place)) perSlice.set(place, entry);
      }
      const { volume, warnings } = await loadOnly([...perSlice.values()]);
      expect(volume.size.slice(0, 2)).toEqual([256, 256]);
      expect(warnings.map((warning) => warning.code)).toContain("FrameOfReferenceMixed");
    },
  );

  it.skipIf(!isThere("dicom-transfer-syntaxes"))(
    "reads one CT slice from all sixteen files, the lossless ones without a difference (needs shared data)",
    async () => {
      const folder = "dicom-transfer-syntaxes/one-ct-slice-all-syntaxes";
      const digests = new Map<string, string>();
      const worst = new Map<string, number>();
      const entries = folderUpload(folder);
      const [plain] = entries.filter((entry) => entry.name === "CTImage.dcm");
      const expected = plain && (await loadOnly([{ ...plain, ordinal: 0 }])).volume.data;
      for (const entry of entries) {
        const { volume } = await loadOnly([{ ...entry, ordinal: 0 }]);
        const syntax = /1\.2\.840\.10008\.1\.2[.\d]*(?=\.dcm)/.exec(entry.name)?.[0] ?? "";
        digests.set(entry.name, sha256(new Uint8Array(volume.data.buffer)));
        let largest = 0;
        for (const [i, value] of volume.data.entries())
          largest = Math.max(largest, Math.abs(value - (expected?.[i] ?? 0)));
        worst.set(syntax, largest);
      }
      expect(digests.size).toBe(16);
      const lossy = Object.fromEntries([...worst].filter(([, difference]) => difference > 0));
      // As pydicom with GDCM, and DCMTK, decode them: the README of the data.
      const root = "1.2.840.10008.1.2.4";
      expect(Object.keys(lossy).sort()).toEqual(["50", "51", "53", "55", "81", "91"].map((n) => `${root}.${n}`));
      expect(lossy[`${root}.81`]).toBe(1);
      expect(lossy[`${root}.91`]).toBe(5);
      for (const n of ["51", "53", "55"]) expect(Math.round(lossy[`${root}.${n}`] ?? 0)).toBe(36);
      expect(Math.round(lossy[`${root}.50`] ?? 0)).toBe(64);
    },
  );
});

function niftiCases() {
  return [
    {
      file: "nibabel/anatomical.nii",
      shape: [33, 41, 25, 1],
      affine: [-2.0, 0.0, 0.0, 32.0, 0.0, 2.0, 0.0, -40.0, 0.0, 0.0, 2.0, -16.0],
      mean: 8401.066726,
      min: -610.0,
      max: 30393.0,
    },
    {
      file: "nibabel/functional.nii",
      shape: [17, 21, 3, 20],
      affine: [-4.0, 0.0, 0.0, 32.0, 0.0, 4.0, 0.0, -40.0, 0.0, 0.0, 8.0, 0.0],
      mean: 3637.408514,
      min: 629.826172,
      max: 5571.621859,
    },
    {
      file: "nibabel/reoriented_anat_moved.nii",
      shape: [21, 26, 22, 1],
      affine: [4.0, 0.0, 0.0, -35.2979, 0.0, 4.0, 0.0, -47.9776, 0.0, 0.0, 4.0, -27.5994],
      mean: 2725.588532,
      min: 0.0,
      max: 21199.935547,
    },
    {
      file: "nibabel/resampled_anat_moved.nii",
      shape: [17, 21, 3, 1],
      affine: [-4.0, 0.0, 0.0, 32.0, 0.0, 4.0, 0.0, -40.0, 0.0, 0.0, 8.0, 0.0],
      mean: 7236.187767,
      min: 0.0,
      max: 13360.961914,
    },
    {
      file: "nibabel/example4d.nii.gz",
      shape: [128, 96, 24, 2],
      affine: [
        -2.0, 6.71472e-19, 9.08102e-18, 117.855, -6.71472e-19, 1.97371, -0.355528, -35.7229, 8.25548e-18, 0.323208,
        2.17108, -7.2488,
      ],
      mean: 172.908115,
      min: 0.0,
      max: 1162.0,
    },
    {
      file: "nibabel/example_nifti2.nii.gz",
      shape: [32, 20, 12, 2],
      affine: [
        -2.0, 6.71472e-19, 9.08102e-18, 117.855, -6.71472e-19, 1.97371, -0.355528, -35.7229, 8.25548e-18, 0.323208,
        2.17108, -7.2488,
      ],
      mean: 450.963672,
      min: 46.0,
      max: 757.0,
    },
    {
      file: "totalsegmentator/example_mr_sm.nii.gz",
      shape: [117, 91, 20, 1],
      affine: [-3.0, 0.0, 0.0, 168.6, 0.0, -3.0, 0.0, 166.359, 0.0, 0.0, 3.0, 28.9896],
      mean: 193.663525,
      min: -47.0,
      max: 833.0,
    },
  ];
}
