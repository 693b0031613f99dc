import { describe, expect, it } from "vitest";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { fillHoles, fillHolesInSlices } from "#src/imaging/fill-holes.js";
import { morphology } from "#src/imaging/morphology.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applySteps } from "#src/refine/apply-steps.js";

const SIZE: Size3 = [41, 37, 23];
const SPACING: Vec3 = [0.9, 1, 2.2];
const MM3 = 0.9 * 2.2;

/** Hollow shells, specks and bars of two labels, some close together, some at the edges. */
function scattered(seed: number): Uint8Array {
  const labels = new Uint8Array(41 * 37 * 23);
  let state = seed;
  const draw = (most: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % most;
  };
  for (let n = 0; n < 24; n++) {
    const at = [draw(41), draw(37), draw(23)] as const;
    const reach = [draw(6), draw(6), draw(4)] as const;
    const isHollow = draw(2) === 0;
    for (let z = Math.max(0, at[2] - reach[2]); z <= Math.min(22, at[2] + reach[2]); z++) {
      for (let y = Math.max(0, at[1] - reach[1]); y <= Math.min(36, at[1] + reach[1]); y++) {
        for (let x = Math.max(0, at[0] - reach[0]); x <= Math.min(40, at[0] + reach[0]); x++) {
          const isInside =
            Math.abs(x - at[0]) < reach[0] && Math.abs(y - at[1]) < reach[1] && Math.abs(z - at[2]) < reach[2];
          labels[x + 41 * (y + 37 * z)] = isHollow && isInside ? 0 : 1 + (n % 2);
        }
      }
    }
  }
  return labels;
}

/** The step done the long way: each label in the whole volume. */
function wholeVolume(labels: Uint8Array, change: (mask: Uint8Array) => Uint8Array): Uint8Array {
  const out = labels.slice();
  for (const label of [1, 2]) {
    const mask = labels.map((value) => (value === label ? 1 : 0));
    for (const [i, set] of change(mask).entries()) {
      if (mask[i] === 1 && set === 0) out[i] = 0;
      if (labels[i] === 0 && set === 1 && out[i] === 0) out[i] = label;
    }
  }
  return out;
}

describe("steps in boxes around components", () => {
  const seeds = [1, 22, 333, 4444, 55_555, 666_666];
  const cases = (["dilate", "erode", "open", "close"] as const).flatMap((operation) =>
    [1, 2.3, 4].map((radiusMm) => ({ operation, radiusMm })),
  );
  it.each(cases)("$operation by $radiusMm mm as in the whole volume", ({ operation, radiusMm }) => {
    for (const [n, seed] of seeds.entries()) {
      const labels = scattered(seed);
      const dimensions = n % 3 === 0 ? 2 : 3;
      const step = RefineStep.parse({ kind: "morphology", labels: [1, 2], operation, radiusMm, dimensions });
      const input = { labels, size: SIZE, spacingMm: SPACING, probabilities: null, image: null };
      const expected = wholeVolume(labels, (mask) =>
        morphology(mask, SIZE, SPACING, operation, radiusMm, dimensions === 2),
      );
      expect(Buffer.compare(Uint8Array.from(applySteps(input, [step]).labels), expected)).toBe(0);
    }
  });

  it.each([2, 3] as const)("fill holes in %i dimensions as in the whole volume", (dimensions) => {
    let filled = 0;
    for (const seed of seeds) {
      const labels = scattered(seed);
      for (const most of [30, Number.POSITIVE_INFINITY]) {
        const limit = Number.isFinite(most) ? { maxMm3: most * MM3 } : {};
        const step = RefineStep.parse({ kind: "fill-holes", labels: [1, 2], dimensions, ...limit });
        const fill = dimensions === 2 ? fillHolesInSlices : fillHoles;
        const expected = wholeVolume(labels, (mask) => fill(mask, SIZE, most));
        const input = { labels, size: SIZE, spacingMm: SPACING, probabilities: null, image: null };
        const output = applySteps(input, [step]);
        expect(Buffer.compare(Uint8Array.from(output.labels), expected)).toBe(0);
        filled += output.steps[0]?.changedVoxels ?? 0;
      }
    }
    expect(filled).toBeGreaterThan(100);
  });
});

describe("steps that take away and add", () => {
  it.each([
    { kind: "chan-vese", iterations: 8, marginMm: 4 },
    { kind: "geodesic-contour", iterations: 10, balloon: 1 },
  ])("take no voxel of another label that gives it up, in whatever order: $kind", (given) => {
    // Bright from 12 to 28: label 1 reaches too far into the dark on the left, and up to label 2 on the right.
    const voxels = Array.from({ length: 1200 }, (_, i) => ({ x: i % 40, y: Math.floor(i / 40) }));
    const image = Float32Array.from(voxels, ({ x }) => (x < 12 ? 50 : x < 28 ? 200 : 10));
    const labels = Uint8Array.from(voxels, ({ x, y }) => (y <= 3 || y >= 26 || x < 3 || x >= 26 ? 0 : x < 16 ? 1 : 2));
    const outcomes = [
      [1, 2],
      [2, 1],
    ].map((order) => {
      const step = RefineStep.parse({ ...given, labels: order });
      const input = { labels, size: [40, 30, 1] as const, spacingMm: [1, 1, 1] as const, probabilities: null, image };
      return applySteps(input, [step]).labels;
    });
    for (const out of outcomes) {
      expect(out).not.toEqual(labels);
      const taken = [...out].filter((label, i) => label !== 0 && labels[i] !== 0 && label !== labels[i]);
      expect(taken).toHaveLength(0);
    }
  });
});
