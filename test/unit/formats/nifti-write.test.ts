import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { gzipDeterministic, writeNifti } from "#src/formats/nifti-write.js";
import { type Affine, affineFromColumns, cross, type Vec3 } from "#src/imaging/affine.js";

/** Columns of a turn by `degrees` about an axis (Rodrigues), scaled, the third reversed where asked. */
function turned(axis: Vec3, degrees: number, scale: Vec3, reversed: boolean): Affine {
  const length = Math.hypot(...axis);
  const [kx, ky, kz] = [axis[0] / length, axis[1] / length, axis[2] / length];
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const t = 1 - c;
  const x: Vec3 = [t * kx * kx + c, t * kx * ky + s * kz, t * kx * kz - s * ky];
  const y: Vec3 = [t * kx * ky - s * kz, t * ky * ky + c, t * ky * kz + s * kx];
  const z = cross(x, y);
  const times = (v: Vec3, f: number): Vec3 => [v[0] * f, v[1] * f, v[2] * f];
  return affineFromColumns(
    times(x, scale[0]),
    times(y, scale[1]),
    times(z, reversed ? -scale[2] : scale[2]),
    [-91.25, 12.5, 300],
  );
}

const identity: Affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

describe("writeNifti", () => {
  it.each([
    { data: new Uint8Array([0, 1, 2, 3, 4, 255]) },
    { data: new Uint16Array([0, 1, 2, 3, 4, 65535]) },
    { data: new Int16Array([0, -1, 2, -32768, 4, 32767]) },
    { data: new Float32Array([0, -1.5, 2, 3, 4, 1e30]) },
  ])("gives back $data.constructor.name", ({ data }) => {
    const volume = { size: [1, 2, 3] as const, affineRas: identity, spacingMm: [1, 1, 1] as const, data };
    const image = readNifti(writeNifti(volume));
    expect(image).toEqual({ ...volume, channels: 1, warnings: [] });
  });

  it("says the same place by sform and qform, whatever the turn", () => {
    for (const axis of [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [1, -2, 0.5],
    ] as const) {
      for (const degrees of [0, 1, 30, 90, 179, 180, 181, 270]) {
        for (const reversed of [false, true]) {
          const affineRas = turned(axis, degrees, [0.7, 1.3, 5], reversed);
          const file = writeNifti({
            size: [300, 200, 50],
            affineRas,
            spacingMm: [0.7, 1.3, 5],
            data: new Uint8Array(3e6),
          });
          expect(readNifti(file).warnings).toEqual([]);

          new DataView(file.buffer).setInt16(254, 0, true);
          const byQform = readNifti(file);
          for (const [i, value] of affineRas.entries()) expect(byQform.affineRas[i]).toBeCloseTo(value, 4);
        }
      }
    }
  });

  it("sets no qform for a sheared grid, which a qform cannot say", () => {
    const affineRas: Affine = [1, 0.3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
    const file = writeNifti({ size: [3, 3, 3], affineRas, spacingMm: [1, 1.04, 1], data: new Uint8Array(27) });
    const view = new DataView(file.buffer);
    expect([view.getInt16(252, true), view.getInt16(254, true)]).toEqual([0, 1]);
    expect(readNifti(file).affineRas[1]).toBeCloseTo(0.3, 6);
  });

  it("sets a qform where rounded positions bend an axis by less than 0.1 mm", () => {
    const affineRas: Affine = [1, 0, 0, 0, 0, 1, 0.004, 0, 0, 0, 7, 0];
    const volume = {
      size: [20, 20, 20] as const,
      affineRas,
      spacingMm: [1, 1, 7] as const,
      data: new Uint8Array(8000),
    };
    const file = writeNifti(volume);
    expect(new DataView(file.buffer).getInt16(252, true)).toBe(1);
    expect(readNifti(file).warnings).toEqual([]);
  });

  it("keeps a spacing that is not known as not known", () => {
    const file = writeNifti({ size: [2, 1, 1], affineRas: identity, spacingMm: null, data: new Uint8Array(2) });
    expect(readNifti(file)).toMatchObject({ spacingMm: null, affineRas: identity });
  });

  it("writes channels along the fourth dimension", () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const file = writeNifti({ size: [2, 1, 1], affineRas: identity, spacingMm: [1, 1, 1], data, channels: 2 });
    expect(new DataView(file.buffer).getInt16(40, true)).toBe(4);
    expect(readNifti(file)).toMatchObject({ size: [2, 1, 1], channels: 2, data });
  });

  it("writes the slope that stored probabilities are multiplied by", () => {
    const data = Uint16Array.of(0, 65535);
    const file = writeNifti({ size: [2, 1, 1], affineRas: identity, spacingMm: [1, 1, 1], data, slope: 1 / 65535 });
    const values = readNifti(file).data;
    expect(values[0]).toBe(0);
    expect(values[1]).toBeCloseTo(1, 6);
  });

  it("writes NIfTI-2 where a dimension is too long for NIfTI-1", () => {
    const data = new Uint8Array(40_000).fill(3);
    const file = writeNifti({ size: [40_000, 1, 1], affineRas: identity, spacingMm: [1, 1, 1], data });
    expect(new DataView(file.buffer).getInt32(0, true)).toBe(540);
    expect(readNifti(file)).toMatchObject({ size: [40_000, 1, 1], spacingMm: [1, 1, 1], data, warnings: [] });
  });

  it("refuses voxels that do not fill the grid", () => {
    const data = new Uint8Array(3);
    expect(() => writeNifti({ size: [2, 1, 1], affineRas: identity, spacingMm: null, data })).toThrow(RangeError);
  });
});

describe("gzipDeterministic", () => {
  it("leaves time and operating system out of the header", () => {
    const packed = gzipDeterministic(new Uint8Array(1000));
    expect(Array.from(packed.subarray(3, 8))).toEqual([0, 0, 0, 0, 0]);
    expect(packed[9]).toBe(255);
    expect(gunzipSync(packed)).toHaveLength(1000);
  });
});
