import type { Size3 } from "#src/imaging/affine.js";

/** Runs a method on the volume at once (3) or on every slice along z on its own (2), and puts the masks together. */
export function volumeOrSlices(
  dimensions: 2 | 3,
  size: Size3,
  run: (first: number, end: number, size: Size3) => Uint8Array,
): Uint8Array {
  const [nx, ny, nz] = size;
  const area = nx * ny;
  if (dimensions === 3) return run(0, area * nz, size);
  const out = new Uint8Array(area * nz);
  for (let z = 0; z < nz; z++) out.set(run(z * area, (z + 1) * area, [nx, ny, 1]), z * area);
  return out;
}
