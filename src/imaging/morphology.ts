import type { Size3, Vec3 } from "./affine.js";
import { squaredDistances } from "./distance-transform.js";
import { ballOf, dilatePacked, packMask, unpackMask } from "./packed-mask.js";

export type MorphologyOperation = "dilate" | "erode" | "open" | "close";

/** So that a voxel at exactly the radius belongs to the ball whatever the rounding of its distance. */
const ROUNDING = 1 + 1e-6;

/** Above this many rows in the ball, exact distances are faster than its rows (measured: 14 voxels of radius). */
const MOST_ROWS = 600;

/**
 * Dilation, erosion, opening or closing with a ball whose radius is in millimetres: a voxel belongs to the ball when
 * its centre is at most the radius away. A small ball works on packed bits, a large one on exact distances: the same
 * voxels, and a large ball costs no more than a middling one. What lies
 * outside the volume is neither set nor unset: it dilates and erodes nothing.
 *
 * @param inSlices a disc in each slice along z instead of a ball
 * @returns ones and zeros
 */
export function morphology(
  mask: Uint8Array,
  size: Size3,
  spacingMm: Vec3,
  operation: MorphologyOperation,
  radiusMm: number,
  inSlices = false,
): Uint8Array {
  const limit = radiusMm * radiusMm * ROUNDING;
  const ball = inSlices ? ballOf([size[0], size[1], 1], spacingMm, limit) : ballOf(size, spacingMm, limit, MOST_ROWS);
  if (ball === null) return byDistances(mask, size, spacingMm, operation, radiusMm);
  const packed = packMask(mask, size);
  switch (operation) {
    case "dilate":
      return unpackMask(dilatePacked(packed, ball, false));
    case "erode":
      return unpackMask(dilatePacked(packed, ball, true));
    case "open":
      return unpackMask(dilatePacked(dilatePacked(packed, ball, true), ball, false));
    case "close":
      return unpackMask(dilatePacked(dilatePacked(packed, ball, false), ball, true));
  }
}

/** The same by exact distances, whose cost does not grow with the ball. */
function byDistances(
  mask: Uint8Array,
  size: Size3,
  spacingMm: Vec3,
  operation: MorphologyOperation,
  radiusMm: number,
): Uint8Array {
  switch (operation) {
    case "dilate":
      return grow(mask, size, spacingMm, radiusMm);
    case "erode":
      return shrink(mask, size, spacingMm, radiusMm);
    case "open":
      return grow(shrink(mask, size, spacingMm, radiusMm), size, spacingMm, radiusMm);
    case "close":
      return shrink(grow(mask, size, spacingMm, radiusMm), size, spacingMm, radiusMm);
  }
}

function grow(mask: Uint8Array, size: Size3, spacingMm: Vec3, radiusMm: number): Uint8Array {
  const limit = radiusMm * radiusMm * ROUNDING;
  const squared = squaredDistances(mask, size, spacingMm, "set", radiusMm);
  const out = new Uint8Array(mask.length);
  for (let i = 0; i < out.length; i++) out[i] = squared[i] <= limit ? 1 : 0;
  return out;
}

function shrink(mask: Uint8Array, size: Size3, spacingMm: Vec3, radiusMm: number): Uint8Array {
  const limit = radiusMm * radiusMm * ROUNDING;
  const squared = squaredDistances(mask, size, spacingMm, "unset", radiusMm);
  const out = new Uint8Array(mask.length);
  for (let i = 0; i < out.length; i++) out[i] = squared[i] > limit ? 1 : 0;
  return out;
}
