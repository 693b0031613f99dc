import type { Size3 } from "#src/imaging/affine.js";

/**
 * Makes superpixels face-connected: each connected part gets a number of its own, parts larger than `maxVoxels` are cut,
 * parts smaller than `minVoxels` join the part beside them that was met last (scikit-image's
 * `_enforce_label_connectivity`, but for one case: a small part that a scan meets before anything beside it keeps a
 * number of its own here and is left out, as 0, there; only a very low compactness makes such parts).
 *
 * @returns numbers from 1, in the order in which a scan meets the superpixels
 */
export function joinSmallSuperpixels(
  labels: Int32Array,
  size: Size3,
  minVoxels: number,
  maxVoxels: number,
): Int32Array {
  const [nx, ny, nz] = size;
  const out = new Int32Array(labels.length);
  const part = new Int32Array(Math.max(1, maxVoxels));
  // In the reference's order: +x, -x, +y, -y, +z, -z.
  const steps = Int8Array.of(1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1);
  let number = 1;
  for (let start = 0; start < labels.length; start++) {
    if (out[start] !== 0) continue;
    const label = labels[start];
    // Where nothing is beside it yet, the first part keeps its own number.
    let beside = 0;
    out[start] = number;
    part[0] = start;
    let voxels = 1;
    for (let visited = 0; visited < voxels && voxels < maxVoxels; visited++) {
      const i = part[visited];
      const x = i % nx;
      const row = (i - x) / nx;
      const y = row % ny;
      const z = (row - y) / ny;
      for (let n = 0; n < steps.length; n += 3) {
        const tx = x + steps[n];
        const ty = y + steps[n + 1];
        const tz = z + steps[n + 2];
        if (tx < 0 || ty < 0 || tz < 0 || tx >= nx || ty >= ny || tz >= nz) continue;
        const to = tx + nx * (ty + ny * tz);
        if (out[to] === 0) {
          if (labels[to] !== label) continue;
          out[to] = number;
          part[voxels++] = to;
          if (voxels >= maxVoxels) break;
        } else if (out[to] !== number) beside = out[to];
      }
    }
    if (voxels < minVoxels && beside !== 0) for (let v = 0; v < voxels; v++) out[part[v]] = beside;
    else number++;
  }
  return out;
}
