import type { ScanWarning } from "#src/core/warnings.js";
import type { DicomInstance } from "./dicom-instance.js";
import { nonFiniteWarnings } from "./voxel-bytes.js";

/** Whole numbers below this one are all in float32; what lies above it may have been rounded to it. */
const LARGEST_EXACT = 2 ** 24;

/**
 * What float32 cannot keep of a series' real values, where its files may hold such: what is not finite becomes 0, in
 * place, and whole numbers beyond 2^24 were rounded.
 */
export function settleValues(data: Float32Array | Int16Array, slices: readonly DicomInstance[]): ScanWarning[] {
  if (data instanceof Int16Array) return [];
  const warnings: ScanWarning[] = [];
  if (
    slices.some(({ pixels }) => pixels.element !== "x7fe00010" || !Number.isFinite(pixels.slope + pixels.intercept))
  ) {
    let found = 0;
    for (let i = 0; i < data.length; i++) {
      if (Number.isFinite(data[i])) continue;
      data[i] = 0;
      found++;
    }
    warnings.push(...nonFiniteWarnings(found, data.length));
  }
  if (slices.some(({ pixels }) => pixels.element === "x7fe00010" && pixels.bitsStored > 24)) {
    const found = data.reduce((count, value) => (Math.abs(value) >= LARGEST_EXACT ? count + 1 : count), 0);
    const message = `${found} of ${data.length} voxels are at or beyond 2^24, where float32 does not hold every whole number`;
    if (found > 0) warnings.push({ code: "PrecisionReduced", message });
  }
  return warnings;
}
