import type { Size3, Vec3 } from "./affine.js";
import { surfelAreas } from "./surfel-areas.js";

/** A surface as the points of a grid that lie on it. */
export interface MaskSurface {
  readonly size: Size3;
  /** One for each point of the grid on the surface. */
  readonly points: Uint8Array;
  /** Indices of those points, ascending. */
  readonly indices: Int32Array;
  /** What each of them stands for: mm2, in a picture mm; null where every one counts the same. */
  readonly weights: Float64Array | null;
}

/**
 * Voxels of a mask that have a face neighbour outside it: SciPy's `mask ^ binary_erosion(mask)`, which is the surface of
 * MONAI and MedPy. What lies outside the volume is outside the mask. In a picture (one slice) edges count, not faces.
 *
 * @param padded ones and zeros, with a rim of zeros all around; a picture has none along z
 */
export function edgeVoxels(padded: Uint8Array, size: Size3): MaskSurface {
  const [nx, ny, nz] = size;
  const plane = nz === 1 ? 0 : nx * ny;
  const points = new Uint8Array(padded.length);
  let count = 0;
  for (let z = plane === 0 ? 0 : 1; z < Math.max(1, nz - 1); z++) {
    for (let y = 1; y < ny - 1; y++) {
      const end = nx * (y + ny * z) + nx - 1;
      for (let i = end - nx + 2; i < end; i++) {
        if (padded[i] === 0) continue;
        const inside =
          padded[i - 1] & padded[i + 1] & padded[i - nx] & padded[i + nx] & padded[i - plane] & padded[i + plane];
        if (inside !== 0) continue;
        points[i] = 1;
        count++;
      }
    }
  }
  return { size, points, indices: indicesOf(points, count), weights: null };
}

/**
 * Corners of voxels that the surface of a mask passes, each with the area of the surface around it, as in DeepMind's
 * surface-distance: every corner has 8 voxels (in a picture 4) around it, and which of them are in the mask decides.
 *
 * @param padded ones and zeros, with a rim of zeros all around; a picture has none along z
 * @returns points of the grid of corners, which starts half a voxel inside the rim
 */
export function surfaceCorners(padded: Uint8Array, size: Size3, spacingMm: Vec3): MaskSurface {
  const [nx, ny, nz] = size;
  const flat = nz === 1;
  const corners: Size3 = [nx - 1, ny - 1, flat ? 1 : nz - 1];
  const full = flat ? 15 : 255;
  const codes = new Uint8Array(corners[0] * corners[1] * corners[2]);
  let count = 0;
  let to = 0;
  for (let z = 0; z < corners[2]; z++) {
    for (let y = 0; y < corners[1]; y++) {
      const row = nx * (y + ny * z);
      const above = flat ? row : row + nx * ny;
      let left = columnCode(padded, row, above, nx, flat);
      for (let x = 1; x < nx; x++) {
        const right = columnCode(padded, row + x, above + x, nx, flat);
        const code = (left << (flat ? 2 : 4)) | right;
        if (code !== 0 && code !== full) {
          codes[to] = code;
          count++;
        }
        left = right;
        to++;
      }
    }
  }
  const areas = surfelAreas(spacingMm, flat);
  const indices = indicesOf(codes, count);
  const weights = Float64Array.from(indices, (i) => areas[codes[i]]);
  for (const i of indices) codes[i] = 1;
  return { size: corners, points: codes, indices, weights };
}

/** The voxels of one x around a corner as bits: (y, z), (y, z + 1), (y + 1, z), (y + 1, z + 1). */
function columnCode(padded: Uint8Array, i: number, above: number, nx: number, flat: boolean): number {
  if (flat) return (padded[i] << 1) | padded[i + nx];
  return (padded[i] << 3) | (padded[above] << 2) | (padded[i + nx] << 1) | padded[above + nx];
}

function indicesOf(points: Uint8Array, count: number): Int32Array {
  const indices = new Int32Array(count);
  let n = 0;
  for (let i = 0; i < points.length; i++) if (points[i] !== 0) indices[n++] = i;
  return indices;
}
