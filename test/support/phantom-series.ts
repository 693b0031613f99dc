import type { UploadEntry } from "#src/formats/scan.js";
import { buildDicom, type DicomElements, SYNTAX } from "./dicom-builder.js";

/** Row direction and column direction in LPS of the standard planes, and of one turned about two axes. */
export const PLANES = {
  axial: [1, 0, 0, 0, 1, 0],
  sagittal: [0, 1, 0, 0, 0, -1],
  coronal: [1, 0, 0, 0, 0, -1],
  oblique: [0.8, 0.6, 0, -0.36, 0.48, 0.8],
} as const;

export interface PhantomSeries {
  readonly plane?: keyof typeof PLANES;
  /** Pixels of a row, rows, slices. */
  readonly size?: readonly [number, number, number];
  /** Between columns, between rows, between slices. */
  readonly spacingMm?: readonly [number, number, number];
  readonly originLps?: readonly [number, number, number];
  readonly transferSyntax?: string;
  readonly seriesUid?: string;
  /** Distance of slice k from the first along the normal. @default k x spacing */
  readonly depthMm?: (k: number) => number;
  /** Changes the elements of slice k before it is written. */
  readonly edit?: (elements: DicomElements, k: number) => void;
}

export interface PhantomFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * What the phantom shows at a place: a plane through space, so that every voxel tells where it lies.
 *
 * @param ras position in millimetres
 */
export function phantomValue(ras: readonly number[]): number {
  return 4000 + 10 * (ras[0] ?? 0) + 20 * (ras[1] ?? 0) - 30 * (ras[2] ?? 0);
}

/** Bits of a pixel: 16 stored, signed, with a rescale of its own for each slice. */
export const slopeOf = (k: number) => 0.5 + 0.25 * (k % 3);
export const interceptOf = (k: number) => -100 * (k % 2);

/**
 * A made-up MR series. Names, instance numbers and order in the list have nothing to do with the slices' places.
 * Values follow `phantomValue` to within half a slope.
 */
export function phantomSeries(options: PhantomSeries = {}): PhantomFile[] {
  const [, , slices] = options.size ?? [6, 5, 4];
  const files = Array.from({ length: slices }, (_, k) => ({
    name: `${String.fromCharCode(97 + ((k * 7) % 26))}${k}`,
    bytes: buildDicom(phantomSlice(options, k), options.transferSyntax),
  }));
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The elements of slice k. */
export function phantomSlice(options: PhantomSeries, k: number): DicomElements {
  const [columns, rows, slices] = options.size ?? [6, 5, 4];
  const [dx, dy, dz] = options.spacingMm ?? [0.75, 1.25, 3];
  const orientation: readonly number[] = PLANES[options.plane ?? "axial"];
  const [rx = 0, ry = 0, rz = 0, cx = 0, cy = 0, cz = 0] = orientation;
  const normal = [ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx];
  const depth = options.depthMm?.(k) ?? k * dz;
  const origin = options.originLps ?? [-12, 7, 31];
  const position = origin.map((from, axis) => from + depth * (normal[axis] ?? 0));

  const isLittle = options.transferSyntax !== SYNTAX.explicitBig;
  const pixels = new DataView(new ArrayBuffer(2 * columns * rows));
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const lps = [0, 1, 2].map(
        (axis) => (position[axis] ?? 0) + i * dx * (orientation[axis] ?? 0) + j * dy * (orientation[axis + 3] ?? 0),
      );
      const value = phantomValue([-(lps[0] ?? 0), -(lps[1] ?? 0), lps[2] ?? 0]);
      pixels.setInt16(2 * (i + columns * j), Math.round((value - interceptOf(k)) / slopeOf(k)), isLittle);
    }
  }
  const series = options.seriesUid ?? "1.2.826.0.1.3680043.10.1";
  const elements: DicomElements = {
    "00080008": { vr: "CS", Value: ["ORIGINAL", "PRIMARY"] },
    "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.4"] },
    "00080018": { vr: "UI", Value: [`${series}.${((k * 7) % slices) + 1}.${k + 1}`] },
    "00080020": { vr: "DA", Value: ["20200102"] },
    "00080021": { vr: "DA", Value: ["20200102"] },
    "00080023": { vr: "DA", Value: ["20200103"] },
    "00080030": { vr: "TM", Value: ["101112"] },
    "00080031": { vr: "TM", Value: ["101113"] },
    "00080033": { vr: "TM", Value: ["101114"] },
    "00080050": { vr: "SH", Value: ["A1"] },
    "00080060": { vr: "CS", Value: ["MR"] },
    "00080070": { vr: "LO", Value: ["Phantom"] },
    "00080090": { vr: "PN", Value: [{ Alphabetic: "Refer^Red" }] },
    "00100010": { vr: "PN", Value: [{ Alphabetic: "Phantom^Head" }] },
    "00100020": { vr: "LO", Value: ["P-1"] },
    "00100030": { vr: "DA", Value: ["19700101"] },
    "00100040": { vr: "CS", Value: ["O"] },
    "00180020": { vr: "CS", Value: ["GR"] },
    "00180050": { vr: "DS", Value: [String(dz)] },
    "0020000D": { vr: "UI", Value: ["1.2.826.0.1.3680043.10"] },
    "0020000E": { vr: "UI", Value: [series] },
    "00200010": { vr: "SH", Value: ["1"] },
    "00200011": { vr: "IS", Value: ["3"] },
    "00200013": { vr: "IS", Value: [String(slices - ((k * 3) % slices))] },
    "00200032": { vr: "DS", Value: position.map(decimal) },
    "00200037": { vr: "DS", Value: orientation.map(decimal) },
    "00200052": { vr: "UI", Value: ["1.2.826.0.1.3680043.10.9"] },
    "00201040": { vr: "LO", Value: [] },
    "00280002": { vr: "US", Value: [1] },
    "00280004": { vr: "CS", Value: ["MONOCHROME2"] },
    "00280010": { vr: "US", Value: [rows] },
    "00280011": { vr: "US", Value: [columns] },
    "00280030": { vr: "DS", Value: [String(dy), String(dx)] },
    "00280100": { vr: "US", Value: [16] },
    "00280101": { vr: "US", Value: [16] },
    "00280102": { vr: "US", Value: [15] },
    "00280103": { vr: "US", Value: [1] },
    "00281052": { vr: "DS", Value: [String(interceptOf(k))] },
    "00281053": { vr: "DS", Value: [String(slopeOf(k))] },
    "7FE00010": { vr: "OW", Value: [pixels.buffer] },
  };
  options.edit?.(elements, k);
  return elements;
}

/** An upload of the given files, in the given order. */
export function uploadOf(files: readonly PhantomFile[]): UploadEntry[] {
  return files.map(({ name, bytes }, ordinal) => ({ ordinal, name, size: bytes.length, read: async () => bytes }));
}

function decimal(value: number): string {
  return String(Number(value.toFixed(6)));
}
