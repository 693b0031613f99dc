import type { Size3 } from "#src/imaging/affine.js";

/**
 * A binary level set that remembers where its outline is. A morphological operator can change a voxel only where one
 * of its neighbours (8 in a slice, 26 in a volume) differs, so an operator looks at those voxels alone: the cost of a
 * step grows with the outline's area, not with the volume. Voxels beyond the border count as 0, as in SciPy.
 */
export interface ContourFront {
  /** The level set with a border of one voxel of zeros around it (no border along z in a slice). */
  readonly padded: Uint8Array;
  /** Steps in the padded array along x, y, z. */
  readonly strides: readonly [number, number, number];
  readonly isFlat: boolean;
  /** Index in the image of a voxel of the padded array. */
  imageIndex(padded: number): number;
  /**
   * Gives each voxel near the outline its new value, all at once.
   *
   * @param next new value of a voxel, by its index in the padded array
   * @param onFlip called for each voxel that changes
   */
  update(next: (padded: number) => number, onFlip?: (padded: number) => void): void;
  /** The level set without its border. */
  result(): Uint8Array;
}

/** @param start non-zero is inside */
export function contourFront(start: Uint8Array, size: Size3): ContourFront {
  const [nx, ny, nz] = size;
  const isFlat = nz === 1;
  const px = nx + 2;
  const py = ny + 2;
  const slice = px * py;
  const firstZ = isFlat ? 0 : 1;
  const padded = new Uint8Array(slice * (nz + 2 * firstZ));
  const isInside = new Uint8Array(padded.length);
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const to = 1 + px * (y + 1) + slice * (z + firstZ);
      const from = nx * (y + ny * z);
      isInside.fill(1, to, to + nx);
      for (let x = 0; x < nx; x++) padded[to + x] = start[from + x] === 0 ? 0 : 1;
    }
  }
  const around: number[] = [];
  for (let dz = -firstZ; dz <= firstZ; dz++) {
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) if (dx || dy || dz) around.push(dx + px * dy + slice * dz);
    }
  }
  const neighbours = Int32Array.from(around);
  const isOnFront = (i: number): boolean => {
    const value = padded[i];
    for (let n = 0; n < neighbours.length; n++) if (padded[i + neighbours[n]] !== value) return true;
    return false;
  };

  const listed = new Uint8Array(padded.length);
  let front: number[] = [];
  for (let i = 0; i < padded.length; i++) {
    if (isInside[i] === 0 || !isOnFront(i)) continue;
    front.push(i);
    listed[i] = 1;
  }

  return {
    padded,
    strides: [1, px, slice],
    isFlat,
    imageIndex: (i) => {
      const x = i % px;
      const row = (i - x) / px;
      const y = row % py;
      return x - 1 + nx * (y - 1 + ny * ((row - y) / py - firstZ));
    },
    update(next, onFlip) {
      const flips: number[] = [];
      for (const i of front) if (next(i) !== padded[i]) flips.push(i);
      if (flips.length === 0) return;
      for (const i of flips) {
        padded[i] ^= 1;
        onFlip?.(i);
      }
      const kept: number[] = [];
      for (const i of front) {
        if (isOnFront(i)) kept.push(i);
        else listed[i] = 0;
      }
      for (const i of flips) {
        for (let n = 0; n < neighbours.length; n++) {
          const near = i + neighbours[n];
          if (listed[near] !== 0 || isInside[near] === 0 || !isOnFront(near)) continue;
          listed[near] = 1;
          kept.push(near);
        }
      }
      front = kept;
    },
    result() {
      const out = new Uint8Array(nx * ny * nz);
      for (let z = 0; z < nz; z++) {
        for (let y = 0; y < ny; y++) {
          const from = 1 + px * (y + 1) + slice * (z + firstZ);
          out.set(padded.subarray(from, from + nx), nx * (y + ny * z));
        }
      }
      return out;
    },
  };
}

/**
 * Half the difference of a voxel's two neighbours along an axis; at the border the difference to the one that there is
 * (numpy.gradient).
 */
export function difference(
  values: ArrayLike<number>,
  index: number,
  position: number,
  length: number,
  stride: number,
): number {
  if (length === 1) return 0;
  if (position === 0) return values[index + stride] - values[index];
  if (position === length - 1) return values[index] - values[index - stride];
  return (values[index + stride] - values[index - stride]) / 2;
}
