import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { PNG } from "pngjs";
import { SYNTAX } from "../dicom-builder.js";
import { directoryFile } from "../dicom-directory.js";
import { JPEG_PICTURES } from "../jpeg-pictures.js";
import { buildNifti } from "../nifti-builder.js";
import { buildNpy } from "../npy-builder.js";
import { phantomSeries } from "../phantom-series.js";
import { buildTiff } from "../tiff-builder.js";
import { zipOf } from "../zip-builder.js";

/** Small made-up files of every kind that is read. @returns their paths */
export async function madeUpSeeds(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const series = phantomSeries();
  const nifti = buildNifti({});
  const files: Record<string, Uint8Array> = {
    "nifti1.nii": nifti,
    "nifti2.nii": buildNifti({ version: 2 }),
    "big-endian.nii": buildNifti({ littleEndian: false }),
    "packed.nii.gz": gzipSync(nifti),
    "series.zip": await zipOf(series),
    "nifti.zip": await zipOf([{ name: "a.nii", bytes: nifti }]),
    "volume.nrrd": Buffer.from(`NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n\n01234567`),
    "packed.nrrd": Buffer.concat([
      Buffer.from("NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: gzip\n\n"),
      gzipSync("01234567"),
    ]),
    "volume.mha": Buffer.from(
      "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n01234567",
    ),
    "picture.png": PNG.sync.write(new PNG({ width: 3, height: 2 })),
  };
  files["probabilities.npy"] = buildNpy("<f4", [2, 3, 2], new Uint8Array(48));
  files.DICOMDIR = directoryFile([["1.2.3", ["IM", "A"]]]);
  for (const [n, { bytes }] of JPEG_PICTURES.entries()) files[`picture${n}.jpg`] = bytes;
  for (const packing of ["none", "deflate", "packbits", "lzw"] as const) {
    const sampleAt = (x: number, y: number) => (x * y) % 256;
    files[`${packing}.tif`] = buildTiff({ width: 20, height: 12, packing, sampleAt, blocks: { rows: 5 }, pages: 2 });
    const predictor = { predictor: 2, kind: "uint16", littleEndian: false } as const;
    files[`${packing}-big.tif`] = buildTiff({
      width: 20,
      height: 12,
      packing,
      sampleAt,
      blocks: { tile: [16, 16] },
      ...predictor,
    });
  }
  for (const [name, transferSyntax] of Object.entries(SYNTAX)) {
    const [file] = phantomSeries({ transferSyntax });
    if (file !== undefined) files[`${name}.dcm`] = file.bytes;
  }
  return Promise.all(
    Object.entries(files).map(async ([name, bytes]) => {
      const path = join(folder, name);
      await writeFile(path, bytes);
      return path;
    }),
  );
}

/** Files below a folder that are small enough to be tried hundreds of times; none where the folder is missing. */
export async function seedsBelow(folder: string, maxBytes: number): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  return paths.filter((_, n) => (sizes[n] ?? 0) <= maxBytes && (sizes[n] ?? 0) > 0).sort();
}
