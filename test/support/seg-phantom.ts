import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import type { UploadEntry } from "#src/formats/scan.js";
import type { SegLabels, SegOptions, SegSegment } from "#src/formats/seg-options.js";
import { applyAffine, type Vec3 } from "#src/imaging/affine.js";
import type { Volume } from "#src/imaging/volume.js";
import { phantomSeries, uploadOf } from "./phantom-series.js";

const ANATOMY = { value: "123037004", scheme: "SCT", meaning: "Anatomical Structure" };

/** Two structures whose numbers (1, 2) follow neither their label values nor each other. */
export const SEGMENTS: readonly SegSegment[] = [
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

/** Labels of two bodies that no mirror or turn maps onto themselves, on the grid of the one DICOM series there is. */
export async function segOptions(entries: readonly UploadEntry[]): Promise<SegOptions & SegLabels> {
  const [scan] = (await findScans(entries)).scans;
  if (scan === undefined) throw new Error("no scan was found");
  const { volume, dicom } = await loadScan(scan, entries);
  if (dicom === null) throw new Error("no DICOM source");
  const [nx, ny] = volume.size;
  // The first slice has no label.
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

/** Number of a label's voxels and the mean of their places, by the labels' own affine. */
export function labelPlace(
  labels: Volume<Uint8Array | Uint16Array>,
  value: number,
): { voxels: number; centroid: Vec3 } {
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

/** A single slice whose brain is a comb with notched teeth: one outline of some 8000 corners. */
export async function combOptions(): Promise<SegOptions & SegLabels> {
  const options = await segOptions(uploadOf(phantomSeries({ plane: "oblique", size: [128, 128, 1] })));
  const data = options.labels.data.map((_, i) => {
    const [x, y] = [i % 128, Math.floor(i / 128)];
    return y === 0 || x % 4 === 0 || (x % 4 === 1 && y % 2 === 0) ? 1 : 0;
  });
  return { ...options, labels: { ...options.labels, data } };
}
