import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import type { SlicOptions } from "#src/imaging/classical/slic.js";
import { nearestCentres } from "#src/imaging/classical/slic-nearest.js";

let state = 9;
const draw = (): number => {
  state = (state * 48_271) % 2_147_483_647;
  return state / 2_147_483_647;
};

/** Every centre compared with every voxel of its window, in their order. */
function byAll(
  features: readonly Float64Array[],
  [nx, ny, nz]: Size3,
  { spacing: [sx, sy, sz], edge, stepVox }: SlicOptions,
  centres: Float64Array,
): Int32Array {
  const width = 3 + features.length;
  const labels = new Int32Array(nx * ny * nz);
  const nearest = new Float64Array(labels.length).fill(Number.POSITIVE_INFINITY);
  for (let at = 0; at < centres.length; at += width) {
    const [cx = 0, cy = 0, cz = 0] = centres.subarray(at);
    for (let i = 0; i < labels.length; i++) {
      const at3 = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
      const isIn = [cx, cy, cz].every((c, axis) => {
        const reach = 2 * (stepVox[axis] ?? 0);
        return (at3[axis] ?? 0) >= Math.trunc(Math.max(c - reach, 0)) && (at3[axis] ?? 0) < Math.trunc(c + reach + 1);
      });
      if (!isIn) continue;
      const [x = 0, y = 0, z = 0] = at3;
      let distance = ((sz * (cz - z)) ** 2 + (sy * (cy - y)) ** 2 + (sx * (cx - x)) ** 2) * (1 / edge ** 2);
      for (const [f, values] of features.entries()) distance += ((values[i] ?? 0) - (centres[at + 3 + f] ?? 0)) ** 2;
      if (!((nearest[i] ?? 0) > distance)) continue;
      nearest[i] = distance;
      labels[i] = at / width;
    }
  }
  return labels;
}

describe("nearestCentres", () => {
  it.each([
    [[40, 21, 9], 1, 0.5],
    [[40, 21, 9], 1, 30],
    [[33, 30, 1], 2, 3],
    [[9, 4, 20], 3, 1],
  ] as const)(
    "finds what comparing all would find: %j voxels, %i channels, contrast %f",
    (size, channels, contrast) => {
      const voxels = size[0] * size[1] * size[2];
      const features = Array.from({ length: channels }, () =>
        // Steps, so that distances are often equal.
        Float64Array.from(
          { length: voxels },
          (_, i) => contrast * (Math.round(4 * draw()) + (i % size[0] > 15 ? 3 : 0)),
        ),
      );
      const options = { stepVox: [4, 5, 3], spacing: [1, 1.3, 0.7], edge: 4, compactness: 1, iterations: 1 } as const;
      const centres = Float64Array.from({ length: 120 * (3 + channels) }, (_, j) => {
        const axis = j % (3 + channels);
        return axis < 3 ? Math.round(2 * draw() * (size[axis] ?? 0)) / 2 : contrast * Math.round(7 * draw());
      });
      const labels = new Int32Array(voxels);
      nearestCentres(features, size, options)(centres, labels);
      const expected = byAll(features, size, options, centres);
      expect(labels).toEqual(expected);
      expect(new Set(expected).size).toBeGreaterThan(10);
    },
  );
});
