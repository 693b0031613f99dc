import { readdir } from "node:fs/promises";
import { extname, join, relative } from "node:path";

/** One row of the table: a file, or the folder of a series. */
export interface ConformanceCase {
  /** Path below the data folder. */
  readonly case: string;
  readonly path: string;
  readonly kind: "dicom" | "volume" | "raster";
}

/** Folders of which each subfolder, or the folder itself, is read as one upload. */
const SERIES = [
  "dicom-scans/ct-ge-hispeed-tilt-two-spacings",
  "dicom-scans/ct-philips-ingenuity-tilt-phantom",
  "dicom-scans/ct-siemens-biograph-jpeg2000",
  "dicom-scans/mr-ge-mr750-epi-10-volumes",
  "dicom-scans/mr-siemens-skyra-mosaic-mr_0003",
  "dicom-scans/mr-siemens-skyra-mosaic-mr_0005",
  "dicom-seg/liver-ct-3-slices/ct",
  "dicom-seg/dcmqi-cases/23x38x3/image",
  "dicom-seg/dcmqi-cases/24x38x3/image",
  "sunnybrook-lv/SCD0000101/dicom",
  "sunnybrook-lv/SCD0000201/dicom",
  "sunnybrook-lv/SCD0000301/dicom",
  "sunnybrook-lv/SCD0000501/dicom",
  "sunnybrook-lv/cine-one-slice",
  "msd-hippocampus/dicom-no-label/Study1",
  "msd-hippocampus/dicom-no-label/Study2",
  "msd-hippocampus/dicom-no-label/Study3",
  "dicom-transfer-syntaxes/dicomdir-file-set/77654033/CT2",
  "dicom-transfer-syntaxes/dicomdir-file-set/98892001/CT2N",
  "dicom-transfer-syntaxes/dicomdir-file-set/98892001/CT5N",
  "dicom-transfer-syntaxes/dicomdir-file-set/98892003/MR1",
  "dicom-transfer-syntaxes/dicomdir-file-set/98892003/MR2",
  "dicom-transfer-syntaxes/dicomdir-file-set/98892003/MR700",
  "dicom-transfer-syntaxes/dicomdir-file-set/TINY_ALPHA",
];

/** Folders of which each file is an upload of its own. */
const FILES = ["dicom-scans", "dicom-transfer-syntaxes", "dicom-seg", "volume-formats"];

/** What is no image and pretends to be none. */
const TEXT = new Set([".md", ".csv", ".json", ".txt", ".py", ".tsv"]);
const VOLUMES = new Set([
  ".nii",
  ".gz",
  ".nrrd",
  ".nhdr",
  ".mha",
  ".mhd",
  ".hdr",
  ".img",
  ".mnc",
  ".mgz",
  ".par",
  ".rec",
]);
const AFNI = /\.(head|brik)(\.gz)?$/i;
const RASTERS = new Set([".png", ".jpg", ".jpeg", ".tif", ".tiff"]);

/** Every series and file of the data folder that pretends to be an image. */
export async function conformanceCases(data: string): Promise<ConformanceCase[]> {
  const cases: ConformanceCase[] = SERIES.map((folder) => ({ case: folder, path: join(data, folder), kind: "dicom" }));
  for (const folder of FILES) {
    const entries = await readdir(join(data, folder), { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const path of paths.sort()) {
      const name = relative(data, path);
      if (TEXT.has(extname(name).toLowerCase()) || SERIES.some((series) => name.startsWith(`${series}/`))) continue;
      cases.push({ case: name, path, kind: kindOf(name) });
    }
  }
  return cases;
}

function kindOf(name: string): ConformanceCase["kind"] {
  const extension = extname(name).toLowerCase();
  if (RASTERS.has(extension)) return "raster";
  return !name.endsWith(".dcm.gz") && (VOLUMES.has(extension) || AFNI.test(name)) ? "volume" : "dicom";
}
