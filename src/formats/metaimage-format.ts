import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import {
  type Affine,
  affineDeterminant,
  affineFromColumns,
  flipLps,
  spacingOfAffine,
  type Vec3,
} from "#src/imaging/affine.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { COLOUR_REDUCED, colourPlanes } from "./colour-planes.js";
import { numbersOf, sizesOf, unpackVoxels, voxelBytes } from "./text-header.js";
import type { VolumeFile, VolumeFormat } from "./volume-file.js";
import { decodeVoxels, realVoxels, VOXEL_KINDS, type VoxelKind } from "./voxel-bytes.js";

/** Element types of MetaIO's documentation. */
const KINDS: ReadonlyMap<string, VoxelKind> = new Map([
  ["MET_CHAR", "int8"],
  ["MET_UCHAR", "uint8"],
  ["MET_SHORT", "int16"],
  ["MET_USHORT", "uint16"],
  ["MET_INT", "int32"],
  ["MET_UINT", "uint32"],
  ["MET_LONG", "int32"],
  ["MET_ULONG", "uint32"],
  ["MET_LONG_LONG", "int64"],
  ["MET_ULONG_LONG", "uint64"],
  ["MET_FLOAT", "float32"],
  ["MET_DOUBLE", "float64"],
]);
/** A header line is short; text that goes on longer is no MetaImage. */
const MAX_HEADER = 65_536;
const SPACING_UNKNOWN: ScanWarning = {
  code: "SpacingUnknown",
  message: "the file does not give the size of its elements; sizes are in voxels",
};

/**
 * MetaImage: .mha, or .mhd with one data file; plain or zlib-compressed. A rotation about `CenterOfRotation` changes
 * nothing (ITK takes `Offset` as the place of the first voxel whatever it says). Places are LPS. Of four dimensions,
 * each volume is an image of its own.
 */
export const metaimageFormat: VolumeFormat = {
  format: "metaimage",
  matches: (head) => /^(ObjectType|NDims|Comment)\s*=/.test(ascii(head.subarray(0, 32))),
  async inspect(file) {
    const opened = await open(file);
    const { grid, volumes, dataOrdinals } = opened;
    return { grid, volumes, dataOrdinals, warnings: opened.warnings };
  },
  async read(file, volume) {
    const { grid, kind, littleEndian, components, stored, warnings } = await open(file);
    const bytes = voxelCount(grid.size) * components * VOXEL_KINDS[kind];
    const raw = decodeVoxels(stored.subarray(volume * bytes, (volume + 1) * bytes), kind, littleEndian, false);
    if (components === 1) {
      const real = realVoxels(raw, 1, 0);
      return { grid, channels: [real.data], warnings: [...warnings, ...real.warnings] };
    }
    return { grid, channels: colourPlanes(raw, components, 0).channels, warnings };
  },
};

async function open(file: VolumeFile) {
  const { subject } = file;
  const { fields, end } = fieldsOf(file.bytes, subject);
  const dims = Number(fields.get("NDims"));
  if (dims !== 2 && dims !== 3 && dims !== 4) {
    throw new PipelineError("InputUnsupported", `${subject} has ${dims} dimensions, expected 2 to 4`);
  }
  const sizes = sizesOf(fields.get("DimSize") ?? "", dims, subject);
  const type = fields.get("ElementType") ?? "";
  const kind = KINDS.get(type);
  if (kind === undefined) {
    const message = `${subject} has an element type that is not read, expected one of ${[...KINDS.keys()].join(", ")}`;
    throw new PipelineError("InputUnsupported", message);
  }
  const components = Number(fields.get("ElementNumberOfChannels") ?? 1);
  if (components !== 1 && components !== 3 && components !== 4) {
    throw new PipelineError("InputUnsupported", `${subject} has ${components} numbers a voxel, expected 1, 3 or 4`);
  }
  if (isTrue(fields.get("BinaryData") ?? "True") === false) {
    throw new PipelineError("InputUnsupported", `${subject} has its voxels as text, expected binary data`);
  }
  const width = VOXEL_KINDS[kind];
  const needed = sizes.reduce((product, size) => product * size, 1) * components * width;
  const littleEndian = !isTrue(fields.get("ElementByteOrderMSB") ?? fields.get("BinaryDataByteOrderMSB") ?? "False");

  const { bytes, start, dataOrdinals } = await dataOf(file, fields.get("ElementDataFile") ?? "", end);
  const isPacked = isTrue(fields.get("CompressedData") ?? "False");
  const skip = Number(fields.get("HeaderSize") ?? 0);
  const stored = isPacked
    ? voxelBytes(unpackVoxels(bytes.subarray(start), needed, subject), 0, needed, subject)
    : // -1: the voxels are the end of the file.
      voxelBytes(bytes, skip === -1 ? bytes.length - needed : start + Math.max(0, skip), needed, subject);
  const [x = 1, y = 1, z = 1, volumes = 1] = sizes;
  const grid = gridOf([x, y, z], Math.min(3, dims), fields, subject);
  return {
    grid,
    volumes,
    kind,
    littleEndian,
    components,
    stored,
    dataOrdinals,
    warnings: [...(grid.spacingMm === null ? [SPACING_UNKNOWN] : []), ...(components === 1 ? [] : [COLOUR_REDUCED])],
  } as const;
}

function fieldsOf(bytes: Uint8Array, subject: string): { fields: Map<string, string>; end: number } {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < Math.min(bytes.length, MAX_HEADER)) {
    const newline = bytes.indexOf(10, at);
    const line = ascii(bytes.subarray(at, Math.min(newline === -1 ? bytes.length : newline, at + MAX_HEADER)));
    at = newline === -1 ? bytes.length : newline + 1;
    const [, key = "", value = ""] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    fields.set(key, value);
    // Always the last field: what follows is data.
    if (key === "ElementDataFile") return { fields, end: at };
  }
  throw new PipelineError(
    "InputUnreadable",
    `${subject} has no ElementDataFile, expected it as the header's last line`,
  );
}

async function dataOf(file: VolumeFile, name: string, end: number) {
  if (name === "LOCAL") return { bytes: file.bytes, start: end, dataOrdinals: [] };
  if (name === "" || /^LIST|%/.test(name)) {
    const message = `${file.subject} has its voxels in a list of files, expected one data file`;
    throw new PipelineError("InputUnsupported", message);
  }
  const data = await file.sibling(name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1));
  return { bytes: data.bytes, start: 0, dataOrdinals: [data.ordinal] };
}

function gridOf(size: Grid["size"], dims: number, fields: Map<string, string>, subject: string): Grid {
  const first = (...names: string[]) => names.map((name) => fields.get(name)).find((value) => value !== undefined);
  const read = (text: string | undefined) => (text === undefined ? null : numbersOf(text));
  const spacingText = first("ElementSpacing", "ElementSize");
  const spacing = read(spacingText) ?? [];
  const matrix = read(first("TransformMatrix", "Rotation", "Orientation"));
  const offset = read(first("Offset", "Position", "Origin")) ?? [];
  // Of a 4-D file the matrix has four rows; of a 2-D one two.
  const rows = matrix === null ? 0 : Math.round(Math.sqrt(matrix.length));
  const column = (axis: number): Vec3 => {
    const mm = spacing[axis] ?? 1;
    const at = (row: number) =>
      (axis < rows && row < rows ? (matrix?.[axis * rows + row] ?? 0) : axis === row ? 1 : 0) * mm;
    return [at(0), at(1), at(2)];
  };
  const place = (axis: number) => (axis < dims ? (offset[axis] ?? 0) : 0);
  const affineRas: Affine = flipLps(affineFromColumns(column(0), column(1), column(2), [place(0), place(1), place(2)]));
  if (!(Math.abs(affineDeterminant(affineRas)) > 1e-12)) {
    throw new PipelineError("InputUnreadable", `${subject} has axes or a spacing that flatten space`);
  }
  return { size, affineRas, spacingMm: spacingText === undefined ? null : spacingOfAffine(affineRas) };
}

function isTrue(text: string): boolean {
  return /^(true|t|1)/i.test(text);
}

function ascii(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
