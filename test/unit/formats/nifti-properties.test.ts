import fc from "fast-check";
import { expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { gzipDeterministic, writeNifti } from "#src/formats/nifti-write.js";
import type { Affine } from "#src/imaging/affine.js";

const length = fc.integer({ min: 1, max: 6 });
const spacing = fc.double({ min: 0.01, max: 50, noNaN: true });
const offset = fc.double({ min: -500, max: 500, noNaN: true });
/** A turn about each axis, a spacing along each, and a place. */
const affine = fc
  .tuple(fc.tuple(offset, offset, offset), fc.tuple(spacing, spacing, spacing), fc.tuple(offset, offset, offset))
  .map(([turns, [sx, sy, sz], [tx, ty, tz]]): Affine => {
    const [a, b, c] = turns.map((degrees) => (degrees * Math.PI) / 180) as [number, number, number];
    const [ca, sa, cb, sb, cc, sc] = [a, b, c].flatMap((t) => [Math.cos(t), Math.sin(t)]) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const rows = [
      [cb * cc, sa * sb * cc - ca * sc, ca * sb * cc + sa * sc],
      [cb * sc, sa * sb * sc + ca * cc, ca * sb * sc - sa * cc],
      [-sb, sa * cb, ca * cb],
    ].map(([x = 0, y = 0, z = 0]) => [x * sx, y * sy, z * sz] as const);
    const [[p, q, r], [s, t, u], [v, w, x]] = rows as unknown as [
      [number, number, number],
      [number, number, number],
      [number, number, number],
    ];
    return [p, q, r, tx, s, t, u, ty, v, w, x, tz];
  });
const kinds = [Uint8Array, Uint16Array, Int16Array, Float32Array] as const;

it("reads what it writes: voxels exactly, places to single precision, packed or not", () => {
  fc.assert(
    fc.property(
      fc.tuple(length, length, length),
      fc.constantFrom(...kinds),
      affine,
      fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
      fc.boolean(),
      (size, Kind, affineRas, values, isPacked) => {
        const data = new Kind(size[0] * size[1] * size[2]);
        for (let i = 0; i < data.length; i++) data[i] = values.next().value ?? 0;
        const file = writeNifti({ size, affineRas, spacingMm: [1, 1, 1], data });
        const found = readNifti(isPacked ? gzipDeterministic(file) : file);
        expect(found.size).toEqual(size);
        expect([...found.data]).toEqual([...data]);
        const worst = Math.max(...found.affineRas.map((value, i) => Math.abs(value - (affineRas[i] ?? 0))));
        expect(worst).toBeLessThan(1e-4);
      },
    ),
    { numRuns: 200, seed: 20 },
  );
});
