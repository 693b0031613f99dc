import type { Size3, Vec3 } from "./affine.js";
import { squaredDistances } from "./distance-transform.js";

export type MorphologyOperation = "dilate" | "erode" | "open" | "close";

/** So that a voxel at exactly the radius belongs to the ball whatever the rounding of its distance. */
const ROUNDING = 1 + 1e-6;

/**
 * Dilation, erosion, opening or closing with a ball whose radius is in millimetres: a voxel belongs to the ball when
 * its centre is at most the radius away. By exact distances, so a large ball costs no more than a small one. What lies
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
  if (inSlices && size[2] > 1) return eachSlice(mask, size, spacingMm, operation, radiusMm);
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

function eachSlice(
  mask: Uint8Array,
  size: Size3,
  spacingMm: Vec3,
  operation: MorphologyOperation,
  radiusMm: number,
): Uint8Array {
  const out = new Uint8Array(mask.length);
  const voxels = size[0] * size[1];
  for (let from = 0; from < mask.length; from += voxels) {
    const slice = mask.subarray(from, from + voxels);
    out.set(morphology(slice, [size[0], size[1], 1], spacingMm, operation, radiusMm), from);
  }
  return out;
}
