import { describe, expect, it } from "vitest";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { squaredDistances } from "#src/imaging/distance-transform.js";
import { type MorphologyOperation, morphology } from "#src/imaging/morphology.js";

/** Noise of a fixed seed, thinned to a share of the voxels. */
function noise(size: Size3, share: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: size[0] * size[1] * size[2] }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647 < share ? 1 : 0;
  });
}

/** By distances, slice by slice where told: the definition. */
function byDistances(mask: Uint8Array, size: Size3, mm: Vec3, operation: MorphologyOperation, radius: number) {
  const within = (of: Uint8Array, near: "set" | "unset") =>
    Uint8Array.from(squaredDistances(of, size, mm, near), (d) => (d <= radius * radius * (1 + 1e-6) ? 1 : 0));
  const grow = (of: Uint8Array) => within(of, "set");
  const shrink = (of: Uint8Array) => within(of, "unset").map((reached) => 1 - reached);
  switch (operation) {
    case "dilate":
      return grow(mask);
    case "erode":
      return shrink(mask);
    case "open":
      return grow(shrink(mask));
    case "close":
      return shrink(grow(mask));
  }
}

const OPERATIONS = ["dilate", "erode", "open", "close"] as const;
const SIZES: readonly Size3[] = [
  [70, 9, 8],
  [64, 5, 6],
  [32, 7, 1],
  [31, 6, 5],
  [1, 9, 33],
];

describe("morphology", () => {
  it.each(SIZES.map((size) => [size.join(" x "), size] as const))(
    "takes in exactly the voxels within the radius, %s",
    (_, size) => {
      for (const mm of [
        [1, 1, 1],
        [0.7, 1.3, 2.1],
        [0.1, 0.1, 0.1],
      ] as const) {
        for (const radius of [0.5, 1, 2.1, 5].map((r) => r * mm[0])) {
          for (const operation of OPERATIONS) {
            const mask = noise(size, operation === "dilate" || operation === "close" ? 0.02 : 0.97, 11);
            expect(morphology(mask, size, mm, operation, radius)).toEqual(
              byDistances(mask, size, mm, operation, radius),
            );
          }
        }
      }
    },
  );

  it("does the same where the ball is large", () => {
    const size: Size3 = [45, 44, 43];
    for (const operation of OPERATIONS) {
      const mask = noise(size, operation === "dilate" || operation === "close" ? 0.0003 : 0.9997, 5);
      expect(morphology(mask, size, [1, 1, 1.2], operation, 22.5)).toEqual(
        byDistances(mask, size, [1, 1, 1.2], operation, 22.5),
      );
    }
  });

  it("looks at each slice on its own where told, whatever the disc", () => {
    const size: Size3 = [60, 60, 3];
    const mask = noise(size, 0.001, 3);
    for (const radius of [2, 18]) {
      const whole = morphology(mask, size, [1, 1, 1], "dilate", radius, true);
      for (let z = 0; z < 3; z++) {
        const slice = mask.subarray(z * 3600, (z + 1) * 3600);
        const alone = byDistances(slice, [60, 60, 1], [1, 1, 1], "dilate", radius);
        expect(whole.subarray(z * 3600, (z + 1) * 3600)).toEqual(alone);
      }
    }
  });
});
