/** What a made-up NIfTI-1 header says; everything not given is a plain 2 x 2 x 2 uint8 volume of 1 mm. */
export interface NiftiFields {
  readonly dim?: readonly number[];
  readonly datatype?: number;
  readonly bitsPerVoxel?: number;
  readonly pixdim?: readonly number[];
  readonly voxOffset?: number;
  readonly slope?: number;
  readonly intercept?: number;
  readonly units?: number;
  readonly qform?: { readonly code: number; readonly values: readonly number[] };
  readonly sform?: { readonly code: number; readonly rows: readonly number[] };
  readonly magic?: string;
  readonly littleEndian?: boolean;
  readonly version?: 1 | 2;
  /** Bytes after header and extension flag. */
  readonly voxels?: Uint8Array;
}

/** Bytes of a NIfTI file, put together field by field and independently of the writer under test. */
export function buildNifti(fields: NiftiFields): Uint8Array {
  return fields.version === 2 ? build2(fields) : build1(fields);
}

function withDefaults(fields: NiftiFields) {
  return {
    dim: [3, 2, 2, 2, 1, 1, 1, 1],
    datatype: 2,
    bitsPerVoxel: 8,
    pixdim: [1, 1, 1, 1, 1, 1, 1, 1],
    slope: 0,
    intercept: 0,
    units: 2,
    qform: { code: 0, values: [0, 0, 0, 0, 0, 0] },
    sform: { code: 1, rows: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] },
    littleEndian: true,
    voxels: new Uint8Array(8),
    ...fields,
  };
}

function build1(fields: NiftiFields): Uint8Array {
  const f = withDefaults(fields);
  const little = f.littleEndian;
  const file = new Uint8Array(352 + f.voxels.length);
  const view = new DataView(file.buffer);
  view.setInt32(0, 348, little);
  for (const [i, value] of f.dim.entries()) view.setInt16(40 + 2 * i, value, little);
  view.setInt16(70, f.datatype, little);
  view.setInt16(72, f.bitsPerVoxel, little);
  for (const [i, value] of f.pixdim.entries()) view.setFloat32(76 + 4 * i, value, little);
  view.setFloat32(108, f.voxOffset ?? 352, little);
  view.setFloat32(112, f.slope, little);
  view.setFloat32(116, f.intercept, little);
  view.setUint8(123, f.units);
  view.setInt16(252, f.qform.code, little);
  view.setInt16(254, f.sform.code, little);
  for (const [i, value] of f.qform.values.entries()) view.setFloat32(256 + 4 * i, value, little);
  for (const [i, value] of f.sform.rows.entries()) view.setFloat32(280 + 4 * i, value, little);
  file.set(new TextEncoder().encode(fields.magic ?? "n+1\0"), 344);
  file.set(f.voxels, 352);
  return file;
}

function build2(fields: NiftiFields): Uint8Array {
  const f = withDefaults(fields);
  const little = f.littleEndian;
  const file = new Uint8Array(544 + f.voxels.length);
  const view = new DataView(file.buffer);
  view.setInt32(0, 540, little);
  file.set(new TextEncoder().encode(fields.magic ?? "n+2\0\r\n\x1a\n"), 4);
  view.setInt16(12, f.datatype, little);
  view.setInt16(14, f.bitsPerVoxel, little);
  for (const [i, value] of f.dim.entries()) view.setBigInt64(16 + 8 * i, BigInt(value), little);
  for (const [i, value] of f.pixdim.entries()) view.setFloat64(104 + 8 * i, value, little);
  view.setBigInt64(168, BigInt(f.voxOffset ?? 544), little);
  view.setFloat64(176, f.slope, little);
  view.setFloat64(184, f.intercept, little);
  view.setInt32(344, f.qform.code, little);
  view.setInt32(348, f.sform.code, little);
  for (const [i, value] of f.qform.values.entries()) view.setFloat64(352 + 8 * i, value, little);
  for (const [i, value] of f.sform.rows.entries()) view.setFloat64(400 + 8 * i, value, little);
  view.setInt32(500, f.units, little);
  file.set(f.voxels, 544);
  return file;
}
