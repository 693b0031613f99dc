import type { Size3 } from "#src/imaging/affine.js";
import { labelRuns } from "#src/imaging/label-runs.js";
import type { View } from "./views.js";

/** Labelled voxels in each layer along x, y and z of the source. */
export type LabelProfile = readonly [Uint32Array, Uint32Array, Uint32Array];

/** Half-open range of slices. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Counts, in one pass, the voxels of any of the labels in each layer of the volume. */
export function labelProfile(labels: Uint8Array | Uint16Array, size: Size3): LabelProfile {
  const [nx, ny, nz] = size;
  const [byX, byY, byZ] = [new Uint32Array(nx), new Uint32Array(ny), new Uint32Array(nz)];
  // Along x, how many more runs of labelled voxels begin in a layer than end before it.
  const begun = new Int32Array(nx + 1);
  const runEnd = labelRuns(labels);
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const row = nx * (y + ny * z);
      let inRow = 0;
      for (let x = 0; x < nx; ) {
        const first = x;
        x = runEnd(row + x, row + nx) - row;
        if (labels[row + first] === 0) continue;
        begun[first] = (begun[first] ?? 0) + 1;
        begun[x] = (begun[x] ?? 0) - 1;
        inRow += x - first;
      }
      byY[y] = (byY[y] ?? 0) + inRow;
      byZ[z] = (byZ[z] ?? 0) + inRow;
    }
  }
  let open = 0;
  for (let x = 0; x < nx; x++) {
    open += begun[x] ?? 0;
    byX[x] = open;
  }
  return [byX, byY, byZ];
}

/** The profile along axis 0 (to the right), 1 (downwards) or 2 (through the slices) of a view. */
export function profileAlong(profile: LabelProfile, view: View, axis: 0 | 1 | 2): Uint32Array {
  const counts = profile[view.reorientation.axes[axis]];
  return view.reorientation.flips[axis] ? counts.slice().reverse() : counts;
}

/** From the first layer with a label to the last; null where there is none. */
export function occupiedSpan(counts: Uint32Array): Span | null {
  const start = counts.findIndex((count) => count > 0);
  return start < 0 ? null : { start, end: counts.findLastIndex((count) => count > 0) + 1 };
}

/** The layer with most labelled voxels; of equal ones the one nearest to the middle of them. The middle if there is none. */
export function fullestLayer(counts: Uint32Array): number {
  const most = counts.reduce((a, b) => Math.max(a, b), 0);
  const fullest = [...counts.keys()].filter((n) => counts[n] === most);
  return fullest[Math.floor(fullest.length / 2)] ?? 0;
}
