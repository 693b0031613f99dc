import type { ScanWarning } from "#src/core/warnings.js";
import type { LabelMoments } from "#src/imaging/label-moments.js";
import type { ModelLabel } from "#src/model/manifest.js";

const AXES = ["x", "y", "z"] as const;

/** What a reader must know of the label map itself: structures that are missing, or cut by the edge of the image. */
export function resultWarnings(labels: readonly ModelLabel[], moments: readonly LabelMoments[]): ScanWarning[] {
  return labels.flatMap((label): ScanWarning[] => {
    const found = moments[label.value - 1];
    if (!found || found.voxels === 0) {
      return [{ code: "EmptyMask", message: `${label.displayName} is nowhere in the result` }];
    }
    const sides = AXES.flatMap((axis, n) => {
      const touch = found.touchesBorder[n];
      return [...(touch?.low ? [`first ${axis}`] : []), ...(touch?.high ? [`last ${axis}`] : [])];
    });
    if (sides.length === 0) return [];
    const message = `${label.displayName} reaches the edge of the image (${sides.join(", ")}) and may be cut`;
    return [{ code: "MaskTouchesBorder", message }];
  });
}

/** Each warning once: several stages read the same file and say the same of it. */
export function distinctWarnings<T extends { readonly code: string; readonly message: string }>(
  warnings: readonly T[],
): T[] {
  const seen = new Set<string>();
  return warnings.filter(({ code, message }) => {
    const text = `${code} ${message}`;
    return seen.has(text) ? false : seen.add(text);
  });
}
