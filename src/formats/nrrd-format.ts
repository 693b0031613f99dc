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
import { sizesOf, unpackVoxels, voxelBytes } from "./text-header.js";
import type { VolumeFile, VolumeFormat } from "./volume-file.js";
import { decodeVoxels, realVoxels, VOXEL_KINDS, type VoxelKind } from "./voxel-bytes.js";

/** Every spelling of a type that the format's definition allows. */
const KINDS: ReadonlyMap<string, VoxelKind> = new Map(
  (
    [
      ["int8", "signed char, int8, int8_t"],
      ["uint8", "uchar, unsigned char, uint8, uint8_t"],
      ["int16", "short, short int, signed short, signed short int, int16, int16_t"],
      ["uint16", "ushort, unsigned short, unsigned short int, uint16, uint16_t"],
      ["int32", "int, signed int, int32, int32_t"],
      ["uint32", "uint, unsigned int, uint32, uint32_t"],
      ["int64", "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t"],
      ["uint64", "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t"],
      ["float32", "float"],
      ["float64", "double"],
    ] as const
  ).flatMap(([kind, names]) => names.split(", ").map((name) => [name, kind] as const)),
);
/** Spaces of three patient axes: whether x and y grow to the left and back (as DICOM's) or right and front. */
const SPACES: ReadonlyMap<string, readonly [1 | -1, 1 | -1]> = new Map([
  ["right-anterior-superior", [1, 1]],
  ["ras", [1, 1]],
  ["left-anterior-superior", [-1, 1]],
  ["las", [-1, 1]],
  ["left-posterior-superior", [-1, -1]],
  ["lps", [-1, -1]],
]);
const COLOUR_KINDS = new Set(["rgb-color", "rgba-color", "3-color", "4-color"]);
const MAX_HEADER = 1024 * 1024;

/**
 * NRRD 1 to 5, attached or detached (.nhdr with one data file): raw, gzip, hex and text encodings. Axes of `space
 * directions` "none" or of a colour kind are no axes of space; a last one that is none makes volumes, each an image of
 * its own.
 */
export const nrrdFormat: VolumeFormat = {
  format: "nrrd",
  matches: (head) => /^NRRD000[1-5]\r?\n/.test(ascii(head.subarray(0, 10))),
  async inspect(file) {
    const { grid, volumes, dataOrdinals, warnings } = await open(file);
    return { grid, volumes, dataOrdinals, warnings };
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
  const dims = Number(fields.get("dimension"));
  if (!Number.isInteger(dims) || dims < 2 || dims > 4) throw unsupported(subject, `${dims} dimensions`, "2 to 4");
  const sizes = sizesOf(fields.get("sizes") ?? "", dims, subject);
  const kind = KINDS.get((fields.get("type") ?? "").toLowerCase());
  if (kind === undefined)
    throw unsupported(subject, "a type that is not read", "a whole or real number of 8 to 64 bits");

  const { components, axes, volumes } = axesOf(fields, sizes, subject);
  const count = sizes.reduce((product, size) => product * size, 1);
  const stored = await storedOf(file, fields, end, count, kind);
  const [x = 0, y = 1, z = 2] = axes;
  const size = [sizes[x] ?? 1, sizes[y] ?? 1, axes.length > 2 ? (sizes[z] ?? 1) : 1] as const;
  const { affineRas, spacingMm, warnings } = placement(fields, axes, subject);
  if (components !== 1) {
    warnings.push(COLOUR_REDUCED);
  }
  const grid: Grid = { size, affineRas, spacingMm };
  return { grid, volumes, kind, components, warnings, ...stored };
}

function fieldsOf(bytes: Uint8Array, subject: string): { fields: Map<string, string>; end: number } {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < Math.min(bytes.length, MAX_HEADER)) {
    const newline = bytes.indexOf(10, at);
    const line = ascii(
      bytes.subarray(at, newline === -1 ? Math.min(bytes.length, at + MAX_HEADER) : newline),
    ).trimEnd();
    at = newline === -1 ? bytes.length : newline + 1;
    // An empty line ends the header; a detached one may just end.
    if (line === "") return { fields, end: at };
    if (line.startsWith("#") || line.startsWith("NRRD")) continue;
    const [, key, value] = /^([^:]+):[= ]?\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined && !line.includes(":=")) fields.set(key.toLowerCase(), value.trim());
  }
  if (at >= bytes.length && fields.size > 0) return { fields, end: bytes.length };
  throw new PipelineError("InputUnreadable", `${subject} has no end of its NRRD header, expected an empty line`);
}

interface Axes {
  readonly components: 1 | 3 | 4;
  /** Indices of the axes in space. */
  readonly axes: readonly number[];
  readonly volumes: number;
}

function axesOf(fields: Map<string, string>, sizes: readonly number[], subject: string): Axes {
  const kinds = (fields.get("kinds") ?? "").toLowerCase().split(/\s+/);
  const directions = directionsOf(fields);
  const isSpace = sizes.map((_, axis) =>
    directions !== null
      ? directions[axis] !== null
      : !COLOUR_KINDS.has(kinds[axis] ?? "") && !/vector|list|matrix|complex/.test(kinds[axis] ?? ""),
  );
  const axes = sizes.flatMap((_, axis) => (isSpace[axis] ? [axis] : []));
  const others = sizes.flatMap((_, axis) => (isSpace[axis] ? [] : [axis]));
  if (axes.length === 4) return { components: 1, axes: [0, 1, 2], volumes: sizes[3] ?? 1 };
  const [other] = others;
  if (axes.length < 2 || axes.length > 3 || others.length > 1) {
    throw unsupported(
      subject,
      `${axes.length} axes in space and ${others.length} others`,
      "2 or 3, and at most one other",
    );
  }
  if (other === undefined || sizes[other] === 1) return { components: 1, axes, volumes: 1 };
  const length = sizes[other] ?? 1;
  if (other === sizes.length - 1) return { components: 1, axes, volumes: length };
  if (other === 0 && COLOUR_KINDS.has(kinds[0] ?? "") && (length === 3 || length === 4)) {
    return { components: length, axes, volumes: 1 };
  }
  throw unsupported(
    subject,
    `${length} numbers at each voxel (kind ${kinds[other] || "not given"})`,
    "one or a colour",
  );
}

/** The vectors of `space directions`, null for "none"; null when the field is not there. */
function directionsOf(fields: Map<string, string>): (readonly number[] | null)[] | null {
  const text = fields.get("space directions");
  if (text === undefined) return null;
  return (text.match(/none|\([^)]*\)/gi) ?? []).map((item) => (item.startsWith("(") ? vector(item) : null));
}

const MILLIMETRES: Readonly<Record<string, number>> = {
  um: 0.001,
  µm: 0.001,
  μm: 0.001,
  micron: 0.001,
  cm: 10,
  m: 1000,
};

/** Millimetres of a unit, by axis: units stand in quotes, and what is no length known here counts as millimetres. */
function millimetresOf(units: string | undefined): (axis: number) => number {
  const names = [...(units ?? "").matchAll(/"([^"]*)"/g)].map(([, name = ""]) => name.trim());
  return (axis) => MILLIMETRES[names[axis] ?? ""] ?? 1;
}

function vector(text: string): number[] {
  return text.replace(/[()]/g, "").split(",").map(Number);
}

function placement(fields: Map<string, string>, axes: readonly number[], subject: string) {
  const warnings: ScanWarning[] = [];
  const directions = directionsOf(fields);
  if (directions !== null) {
    const space = SPACES.get((fields.get("space") ?? "").toLowerCase());
    if (space === undefined && fields.has("space"))
      throw unsupported(subject, "a space that is none of the patient", "RAS, LAS or LPS");
    if (space === undefined) {
      const message = "the file has directions but does not name their space; they were taken as LPS";
      warnings.push({ code: "PlacementUnknown", message });
    }
    const columns = axes.map((axis) => directions[axis] ?? []);
    const inPlane = columns.length === 2 || columns.every((column) => column.length === 2);
    const at = (column: readonly number[] | undefined, row: number) => column?.[row] ?? 0;
    const column = (n: number): Vec3 => [at(columns[n], 0), at(columns[n], 1), at(columns[n], 2)];
    const origin = vector(fields.get("space origin") ?? "(0,0,0)");
    const affine = affineFromColumns(column(0), column(1), inPlane ? [0, 0, 1] : column(2), [
      at(origin, 0),
      at(origin, 1),
      at(origin, 2),
    ]);
    const [signX, signY] = space ?? [-1, -1];
    const mm = millimetresOf(fields.get("space units"));
    const scales = [signX * mm(0), signY * mm(1), mm(2)];
    const affineRas = affine.map((value, i) => value * (scales[i >> 2] ?? 1) + 0) as unknown as Affine;
    if (!affineRas.every(Number.isFinite) || !(Math.abs(affineDeterminant(affineRas)) > 1e-12)) {
      throw new PipelineError("InputUnreadable", `${subject} has space directions that flatten space`);
    }
    return { affineRas, spacingMm: spacingOfAffine(affineRas), warnings };
  }
  const spacings = fields.get("spacings")?.split(/\s+/).map(Number);
  const mm = millimetresOf(fields.get("units"));
  const along = (n: number) => Math.abs((spacings?.[axes[n] ?? -1] ?? Number.NaN) * mm(axes[n] ?? -1));
  const known = axes.every((_, n) => along(n) > 0 && Number.isFinite(along(n)));
  const [x, y, z] = [0, 1, 2].map((n) => (known && n < axes.length ? along(n) : 1)) as [number, number, number];
  warnings.push(
    known
      ? { code: "PlacementUnknown", message: "the file gives spacings alone, so left and right are a guess" }
      : { code: "SpacingUnknown", message: "the file gives neither directions nor spacings; sizes are in voxels" },
  );
  const affineRas = flipLps([x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0]);
  return { affineRas, spacingMm: known ? ([x, y, z] as Vec3) : null, warnings };
}

async function storedOf(file: VolumeFile, fields: Map<string, string>, end: number, count: number, kind: VoxelKind) {
  const { subject } = file;
  const name = fields.get("data file") ?? fields.get("datafile");
  let bytes = file.bytes.subarray(end);
  let dataOrdinals: number[] = [];
  if (name !== undefined) {
    if (/^LIST|%/.test(name)) throw unsupported(subject, "its voxels in a list of files", "one data file");
    const data = await file.sibling(name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1));
    bytes = data.bytes;
    dataOrdinals = [data.ordinal];
  }
  for (let lines = skipOf(fields, "line skip", subject); lines > 0; lines--) {
    const newline = bytes.indexOf(10);
    if (newline === -1) break;
    bytes = bytes.subarray(newline + 1);
  }
  const needed = count * VOXEL_KINDS[kind];
  const skip = skipOf(fields, "byte skip", subject);
  const encoding = (fields.get("encoding") ?? "").toLowerCase();
  const littleEndian = (fields.get("endian") ?? "little").toLowerCase() !== "big";
  const common = { littleEndian, dataOrdinals };
  switch (encoding) {
    case "raw":
      // -1: the voxels are the end of the file.
      return { ...common, stored: voxelBytes(bytes, skip < 0 ? bytes.length - needed : skip, needed, subject) };
    case "gzip":
    case "gz": {
      // The bytes to skip are counted in what is unpacked.
      const before = Math.max(0, skip);
      return { ...common, stored: voxelBytes(unpackVoxels(bytes, needed + before, subject), before, needed, subject) };
    }
    case "hex": {
      const digits = ascii(bytes.subarray(Math.max(0, skip))).replace(/\s+/g, "");
      return { ...common, stored: voxelBytes(Buffer.from(digits, "hex"), 0, needed, subject) };
    }
    case "ascii":
    case "text":
    case "txt":
      return {
        dataOrdinals,
        littleEndian: true,
        stored: fromText(ascii(bytes.subarray(Math.max(0, skip))), count, kind, subject),
      };
    default:
      throw unsupported(
        subject,
        encoding === "bz2" || encoding === "bzip2" ? "bzip2 encoding" : "an unknown encoding",
        "raw, gzip, hex or ascii",
      );
  }
}

function fromText(text: string, count: number, kind: VoxelKind, subject: string): Uint8Array {
  const words = text.trim().split(/[\s,]+/);
  if (words.length < count) {
    throw new PipelineError(
      "InputUnreadable",
      `${subject} is cut short: ${words.length} numbers found, ${count} expected`,
    );
  }
  const width = VOXEL_KINDS[kind];
  const stored = new Uint8Array(count * width);
  const view = new DataView(stored.buffer);
  for (let i = 0; i < count; i++) {
    const value = Number(words[i]);
    if (Number.isNaN(value) && !/^nan$/i.test(words[i] ?? "")) {
      throw new PipelineError("InputUnreadable", `${subject} has a word among its voxels that is no number`);
    }
    setNumber(view, i * width, kind, value);
  }
  return stored;
}

function setNumber(view: DataView, at: number, kind: VoxelKind, value: number): void {
  switch (kind) {
    case "int8":
      view.setInt8(at, value);
      break;
    case "uint8":
      view.setUint8(at, value);
      break;
    case "int16":
      view.setInt16(at, value, true);
      break;
    case "uint16":
      view.setUint16(at, value, true);
      break;
    case "int32":
      view.setInt32(at, value, true);
      break;
    case "uint32":
      view.setUint32(at, value, true);
      break;
    case "float32":
      view.setFloat32(at, value, true);
      break;
    case "float64":
      view.setFloat64(at, value, true);
      break;
    case "int64":
      view.setBigInt64(at, BigInt(Math.trunc(value) || 0), true);
      break;
    case "uint64":
      view.setBigUint64(at, BigInt(Math.trunc(value) || 0), true);
      break;
  }
}

function skipOf(fields: Map<string, string>, name: string, subject: string): number {
  const value = Number(fields.get(name) ?? fields.get(name.replace(" ", "")) ?? 0);
  if (Number.isSafeInteger(value) && value >= -1) return value;
  throw new PipelineError("InputUnreadable", `${subject} has a ${name} that is no whole number of -1 or more`);
}

function unsupported(subject: string, found: string, expected: string): PipelineError {
  return new PipelineError("InputUnsupported", `${subject} has ${found}, expected ${expected}`);
}

function ascii(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
