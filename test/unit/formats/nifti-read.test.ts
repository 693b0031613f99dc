import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import { isNifti, niftiChannel, readNifti } from "#src/formats/nifti-read.js";
import { buildNifti, type NiftiFields } from "../../support/nifti-builder.js";

describe("readNifti", () => {
  it.each([
    { name: "uint8", datatype: 2, width: 1, set: "setUint8", values: [0, 1, 255] },
    { name: "int8", datatype: 256, width: 1, set: "setInt8", values: [0, -128, 127] },
    { name: "int16", datatype: 4, width: 2, set: "setInt16", values: [0, -32768, 32767] },
    { name: "uint16", datatype: 512, width: 2, set: "setUint16", values: [0, 1, 65535] },
    { name: "int32", datatype: 8, width: 4, set: "setInt32", values: [0, -(2 ** 31), 2 ** 31 - 1] },
    { name: "uint32", datatype: 768, width: 4, set: "setUint32", values: [0, 1, 2 ** 32 - 1] },
    { name: "float32", datatype: 16, width: 4, set: "setFloat32", values: [0, -1.5, 2 ** 100] },
    { name: "float64", datatype: 64, width: 8, set: "setFloat64", values: [0, -1.1, 1e300] },
    { name: "int64", datatype: 1024, width: 8, set: "setBigInt64", values: [0, -(2 ** 53), 2 ** 53] },
    { name: "uint64", datatype: 1280, width: 8, set: "setBigUint64", values: [0, 1, 2 ** 53] },
  ] as const)("reads $name of both byte orders and versions", ({ datatype, width, set, values }) => {
    for (const littleEndian of [true, false]) {
      for (const version of [1, 2] as const) {
        const voxels = new Uint8Array(3 * width);
        const view = new DataView(voxels.buffer);
        for (const [i, value] of values.entries()) {
          if (set === "setBigInt64" || set === "setBigUint64") view[set](i * 8, BigInt(value), littleEndian);
          else view[set](i * width, value, littleEndian);
        }
        const dim = [1, 3, 1, 1, 1, 1, 1, 1];
        const file = buildNifti({ dim, datatype, bitsPerVoxel: width * 8, littleEndian, version, voxels });
        expect(Array.from(readNifti(file).data)).toEqual(values);
        expect(Array.from(readNifti(gzipSync(file)).data)).toEqual(values);
      }
    }
  });

  it("applies slope and intercept, and neither when the slope is 0 or not a number", () => {
    const voxels = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7);
    expect(Array.from(readNifti(buildNifti({ voxels, slope: 0.5, intercept: -1 })).data)).toEqual([
      -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5,
    ]);
    for (const slope of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
      const image = readNifti(buildNifti({ voxels, slope, intercept: 7 }));
      expect(image.data).toEqual(voxels);
    }
  });

  it("folds the fourth to seventh dimension into channels", () => {
    const voxels = Uint8Array.from({ length: 12 }, (_, i) => i);
    const image = readNifti(buildNifti({ dim: [5, 2, 1, 1, 2, 3, 1, 1], voxels }));
    expect([image.size, image.channels]).toEqual([[2, 1, 1], 6]);
    expect(Array.from(niftiChannel(image, 4).data)).toEqual([8, 9]);
    expect(() => niftiChannel(image, 6)).toThrow(RangeError);
  });

  it("leaves the bytes it was given as they are", () => {
    const voxels = new Uint8Array(new Float32Array([Number.NaN, 1, 2, 3, 4, 5, 6, 7]).buffer);
    const file = buildNifti({ datatype: 16, bitsPerVoxel: 32, voxels });
    const before = file.slice();
    readNifti(file);
    expect(file).toEqual(before);
  });

  it("sets voxels that are not finite to zero and counts them", () => {
    const values = new Float32Array([Number.NaN, 1, Number.POSITIVE_INFINITY, 3, Number.NEGATIVE_INFINITY, 5, 6, 7]);
    const image = readNifti(buildNifti({ datatype: 16, bitsPerVoxel: 32, voxels: new Uint8Array(values.buffer) }));
    expect(Array.from(image.data)).toEqual([0, 1, 0, 3, 0, 5, 6, 7]);
    expect(image.warnings).toEqual([
      { code: "NonFiniteVoxels", message: "3 of 8 voxels were not finite numbers and were set to 0" },
    ]);
  });

  it("warns of bytes after the voxels", () => {
    const image = readNifti(buildNifti({ voxels: new Uint8Array(11) }));
    expect(image.warnings.map((warning) => warning.code)).toEqual(["TrailingBytes"]);
  });
});

describe("placement of a NIfTI image", () => {
  // A quarter turn about z: x goes to the front, y to the left.
  const quarter = Math.SQRT1_2;

  it("takes the sform where both forms are set, and says when they disagree", () => {
    const fields: NiftiFields = {
      pixdim: [1, 2, 3, 4, 1, 1, 1, 1],
      sform: { code: 1, rows: [2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30] },
      qform: { code: 1, values: [0, 0, 0, 10, 20, 30] },
    };
    const agreeing = readNifti(buildNifti(fields));
    expect(agreeing.affineRas).toEqual([2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30]);
    expect(agreeing.spacingMm).toEqual([2, 3, 4]);
    expect(agreeing.warnings).toEqual([]);

    const apart = readNifti(buildNifti({ ...fields, qform: { code: 1, values: [0, 0, 0, 10, 20, 31.5] } }));
    expect(apart.affineRas).toEqual(agreeing.affineRas);
    expect(apart.warnings).toEqual([
      { code: "AffineDisagrees", message: "sform and qform place a corner 1.50 mm apart; the sform was used" },
    ]);
  });

  it("takes the qform where no sform is set", () => {
    const image = readNifti(
      buildNifti({
        pixdim: [-1, 2, 3, 4, 1, 1, 1, 1],
        sform: { code: 0, rows: [9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9, 0] },
        qform: { code: 1, values: [0, 0, quarter, 5, 6, 7] },
      }),
    );
    const expected = [0, -3, 0, 5, 2, 0, 0, 6, 0, 0, -4, 7];
    for (const [i, value] of expected.entries()) expect(image.affineRas[i]).toBeCloseTo(value, 5);
  });

  it("takes the qform where the sform flattens space", () => {
    const image = readNifti(
      buildNifti({
        sform: { code: 1, rows: new Array(12).fill(0) },
        qform: { code: 1, values: [0, 0, 0, 1, 2, 3] },
      }),
    );
    expect(image.affineRas).toEqual([1, 0, 0, 1, 0, 1, 0, 2, 0, 0, 1, 3]);
    expect(image.warnings.map((warning) => warning.code)).toEqual(["AffineDisagrees"]);
  });

  it("takes the voxel size alone where neither form is set, with a warning", () => {
    const image = readNifti(
      buildNifti({ sform: { code: 0, rows: new Array(12).fill(0) }, pixdim: [1, 2, 3, 4, 1, 1, 1, 1] }),
    );
    expect(image.affineRas).toEqual([2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0]);
    expect(image.warnings.map((warning) => warning.code)).toEqual(["PlacementUnknown"]);
  });

  it("has no spacing where nothing says how large a voxel is", () => {
    const none = { code: 0, rows: new Array(12).fill(0) };
    const image = readNifti(buildNifti({ sform: none, units: 0 }));
    expect(image.spacingMm).toBeNull();
    expect(image.warnings.map((warning) => warning.code)).toEqual(["SpacingUnknown"]);
  });

  it.each([
    { units: 1, factor: 1000, name: "metres" },
    { units: 2, factor: 1, name: "millimetres" },
    { units: 3, factor: 0.001, name: "micrometres" },
    { units: 0, factor: 1, name: "no unit" },
  ])("turns $name into millimetres", ({ units, factor }) => {
    const rows = [2, 0, 0, -1, 0, 2, 0, -1, 0, 0, 2, -1];
    const image = readNifti(buildNifti({ units, sform: { code: 1, rows } }));
    for (const [i, value] of rows.entries()) expect(image.affineRas[i]).toBeCloseTo(value * factor, 9);
  });

  it("gives the slice of a 2-D image a direction", () => {
    const image = readNifti(
      buildNifti({
        dim: [2, 4, 2, 1, 1, 1, 1, 1],
        pixdim: [1, 1, 1, 0, 1, 1, 1, 1],
        sform: { code: 1, rows: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] },
      }),
    );
    expect(image.affineRas).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
  });
});

describe("readNifti on bad files", () => {
  const cases: { name: string; bytes: Uint8Array; code: string; message: RegExp }[] = [
    { name: "an empty file", bytes: new Uint8Array(0), code: "InputUnreadable", message: /entry 3 is 0 bytes/ },
    {
      name: "text with a gzip wrapper",
      bytes: gzipSync("no scan at all\n".repeat(100)),
      code: "InputUnreadable",
      message: /does not start with a NIfTI header/,
    },
    {
      name: "a gzip stub",
      bytes: Uint8Array.of(0x1f, 0x8b, 1),
      code: "InputUnreadable",
      message: /unpacked, is 0 bytes/,
    },
    { name: "a broken gzip", bytes: brokenGzip(), code: "InputUnreadable", message: /damaged gzip/ },
    {
      name: "cut voxels",
      bytes: buildNifti({ voxels: new Uint8Array(5) }),
      code: "InputUnreadable",
      message: /entry 3 is cut short: 357 bytes found, 360 expected/,
    },
    {
      name: "a cut gzip stream",
      bytes: gzipSync(buildNifti({ dim: [3, 60, 60, 60, 1, 1, 1, 1], voxels: noise(216_000) })).subarray(0, 150_000),
      code: "InputUnreadable",
      message: /cut short, expected 216352 bytes/,
    },
    {
      name: "a header that claims a petabyte",
      bytes: buildNifti({ dim: [7, 32767, 32767, 32767, 30, 1, 1, 1] }),
      code: "InputUnreadable",
      message: /360 bytes found/,
    },
    {
      name: "dimensions beyond every number",
      bytes: buildNifti({ dim: [7, 32767, 32767, 32767, 32767, 32767, 1, 1] }),
      code: "InputUnreadable",
      message: /more voxels than any file can hold/,
    },
    {
      name: "a negative dimension",
      bytes: buildNifti({ dim: [3, 2, -2, 2, 1, 1, 1, 1] }),
      code: "InputUnreadable",
      message: /dimensions 2 x -2 x 2/,
    },
    {
      name: "a zero dimension",
      bytes: buildNifti({ dim: [3, 2, 0, 2, 1, 1, 1, 1] }),
      code: "InputUnreadable",
      message: /dimensions 2 x 0 x 2/,
    },
    {
      name: "no dimensions",
      bytes: buildNifti({ dim: [0, 2, 2, 2, 1, 1, 1, 1] }),
      code: "InputUnreadable",
      message: /0 dimensions/,
    },
    {
      name: "voxels beyond the end",
      bytes: buildNifti({ voxOffset: 1e6 }),
      code: "InputUnreadable",
      message: /1000008 expected/,
    },
    {
      name: "voxels inside the header",
      bytes: buildNifti({ voxOffset: 100 }),
      code: "InputUnreadable",
      message: /voxels at byte 100, expected 352/,
    },
    {
      name: "a voxel offset that is no number",
      bytes: buildNifti({ voxOffset: Number.NaN }),
      code: "InputUnreadable",
      message: /voxels at byte NaN/,
    },
    {
      name: "an unknown data type",
      bytes: buildNifti({ datatype: 77 }),
      code: "InputUnreadable",
      message: /data type 77/,
    },
    {
      name: "the wrong number of bits",
      bytes: buildNifti({ bitsPerVoxel: 16 }),
      code: "InputUnreadable",
      message: /16 bits a voxel, expected 8/,
    },
    {
      name: "RGB voxels",
      bytes: buildNifti({ datatype: 128, bitsPerVoxel: 24 }),
      code: "InputUnsupported",
      message: /colour voxels/,
    },
    {
      name: "complex voxels",
      bytes: buildNifti({ datatype: 32, bitsPerVoxel: 64 }),
      code: "InputUnsupported",
      message: /complex64 voxels/,
    },
    {
      name: "half of a two-file pair",
      bytes: buildNifti({ magic: "ni1\0" }),
      code: "InputUnsupported",
      message: /two-file NIfTI pair/,
    },
    {
      name: "an Analyze header",
      bytes: buildNifti({ magic: "\0\0\0\0" }),
      code: "InputUnsupported",
      message: /Analyze 7.5/,
    },
  ];

  it.each(cases)("refuses $name", ({ bytes, code, message }) => {
    const error = caught(() => readNifti(bytes, { subject: "entry 3" }));
    expect(error).toBeInstanceOf(PipelineError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it("stops unpacking at its limit", () => {
    const bomb = gzipSync(buildNifti({ voxels: new Uint8Array(5_000_000) }));
    expect(caught(() => readNifti(bomb, { maxUnpackedBytes: 100_000 }))).toMatchObject({ code: "InputUnsafe" });
  });

  it("tells NIfTI from other bytes by content", () => {
    expect(isNifti(buildNifti({}))).toBe(true);
    expect(isNifti(gzipSync(buildNifti({ version: 2, littleEndian: false })))).toBe(true);
    expect(isNifti(gzipSync("text"))).toBe(false);
    expect(isNifti(new Uint8Array(1000))).toBe(false);
  });
});

/** A gzip header followed by a block of the reserved kind. */
function brokenGzip(): Uint8Array {
  return Uint8Array.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, ...new Array(50).fill(0xff)]);
}

function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
