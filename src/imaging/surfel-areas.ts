import type { Vec3 } from "./affine.js";

/**
 * Normals of the triangles that marching cubes puts around a corner of voxels, for each way in which the 8 voxels
 * around it can be inside (bit 7: lowest x, y, z; then z, y, x fastest to slowest). Their lengths are areas in voxels of
 * 1 mm. Eighths, without signs, three digits (x, y, z) a normal; codes from 128 are the opposites of 127 and below.
 *
 * From `lookup_tables.py` of DeepMind's surface-distance, Copyright 2018 Google Inc., Apache License 2.0; rewritten in
 * this form.
 */
const NORMALS = (
  "000 111 111 220220 111 202202 111111 400222111 111 111111 202202 400222111 220220 400222111 400222111 400400 111 " +
  "022022 111111 040222111 111111 004222111 111111111 111222222111 111111 022022111 202202111 111333022202 " +
  "111220220 333022111220 400111222111 400111222 111 111111 022022 040111222 111111 111202202 022022111 " +
  "333022111202 111111 111111111 004222111 222222111111 111220220 400222111111 022333111220 400222111 220220 " +
  "040222111 040111222 040040 220220111 333202111220 111040222111 040222111 111220220 040222111111 333220111202 " +
  "040222111 220220220220 220220111 111220220 220220 111 111111 111111 111220220 022022 004222111 022022111 " +
  "333022111220 111111 111111111 111202202 400222111111 040222111 222222111111 202333022111 400222111 202202 " +
  "004222111 111202202 202333220111 004222111 004004 111111222004 111222004 202202111 004222111111 202202202202 " +
  "111202202 202333220111 004222111 111202202 202202 111111 111111111 111022022 040111222111 022022111 004222111111 " +
  "022022022022 022022111 111111111 111111111111 004222111111 111111111 040222111111 111111111 022022111 111111 " +
  "400222111 222111222111 333022111202 040222111 333220022111 111222004 111022022 022022 400222111111 111111111 " +
  "202202111 111111 220220111 111111 111111 111"
).split(" ");

/**
 * Area in mm2 of the surface around a corner of voxels, at the code of the 8 voxels around it; in a picture the length
 * in mm of its outline, at the code of the 4 pixels (bit 3: lowest x and y; then y before x).
 */
export function surfelAreas(spacingMm: Vec3, flat: boolean): Float64Array {
  return flat ? outlineLengths(spacingMm[0], spacingMm[1]) : surfaceAreas(spacingMm);
}

function surfaceAreas([sx, sy, sz]: Vec3): Float64Array {
  const areas = new Float64Array(256);
  for (let code = 0; code < 128; code++) {
    const digits = NORMALS[code];
    let area = 0;
    for (let n = 0; n < digits.length; n += 3) {
      const [x, y, z] = [digits[n], digits[n + 1], digits[n + 2]].map((digit) => Number(digit) / 8);
      area += Math.sqrt((x * sy * sz) ** 2 + (y * sx * sz) ** 2 + (z * sx * sy) ** 2);
    }
    areas[code] = area;
    areas[255 - code] = area;
  }
  return areas;
}

/** A corner of one pixel is cut off; two side by side have a straight edge, two that face across a corner two cuts. */
function outlineLengths(sx: number, sy: number): Float64Array {
  const cut = 0.5 * Math.sqrt(sx * sx + sy * sy);
  // Bits 3 and 2 are the pixels of the lower x: with both of them the edge runs along y.
  const half = [0, cut, cut, sy, cut, sx, 2 * cut, cut];
  return Float64Array.from([...half, ...half.toReversed()]);
}
