import type { Size3, Vec3 } from "./affine.js";

const f32 = Math.fround;

/** A mask of one bit a voxel: each row along x starts with a new word, its first voxel in the lowest bit. */
interface PackedMask {
  readonly words: Int32Array;
  /** Words a row. */
  readonly width: number;
  readonly size: Size3;
}

/** Rows of a ball that reach equally far along x: offsets in y and z, each at most `half` voxels to both sides. */
interface BallRows {
  readonly half: number;
  readonly rows: readonly (readonly [dy: number, dz: number])[];
}

/** A ball as rows along x, the shortest first. */
type Ball = readonly BallRows[];

/**
 * Voxels whose centre is at most a distance away, compared as `squaredDistances` rounds: in float32 after each axis.
 *
 * @param limit largest squared distance in mm2
 * @param mostRows null for a ball of more rows: a dilation costs as many words for each word of the mask
 */
export function ballOf(size: Size3, spacingMm: Vec3, limit: number, mostRows = Number.POSITIVE_INFINITY): Ball | null {
  const reach = (axis: 0 | 1 | 2): number => {
    const vox = Math.floor(Math.sqrt(limit) / spacingMm[axis]) + 1;
    return Math.min(size[axis] - 1, vox);
  };
  const [rx, ry, rz] = [reach(0), reach(1), reach(2)];
  const byHalf: [number, number][][] = Array.from({ length: rx + 1 }, () => []);
  let rows = 0;
  for (let dz = -rz; dz <= rz; dz++) {
    for (let dy = -ry; dy <= ry; dy++) {
      let half = rx;
      while (half >= 0 && !(squared(half, dy, dz, spacingMm) <= limit)) half--;
      if (half < 0) continue;
      if (++rows > mostRows) return null;
      byHalf[half].push([dy, dz]);
    }
  }
  return byHalf.map((of, half) => ({ half, rows: of })).filter((group) => group.rows.length > 0);
}

/** Squared distance of a voxel this far away, with the roundings of `squaredDistances`. */
function squared(dx: number, dy: number, dz: number, [sx, sy, sz]: Vec3): number {
  const alongX = dx * sx;
  return f32(f32(f32(alongX * alongX) + sy * sy * dy * dy) + sz * sz * dz * dz);
}

/**
 * Ones within the ball of a voxel of the mask, 32 voxels at a time: the mask is widened along x once for each length
 * of the ball's rows, and the rows are laid over each other.
 *
 * @param invert works on the complement and returns the complement: an erosion. What lies outside the volume is in
 *   neither
 */
export function dilatePacked(mask: PackedMask, ball: Ball, invert: boolean): PackedMask {
  const { size, width } = mask;
  const [, ny, nz] = size;
  const wide = mask.words.slice();
  const last = lastWord(size[0]);
  if (invert) invertWords(wide, width, last);
  const out = new Int32Array(wide.length);
  let reached = 0;
  for (const { half, rows } of ball) {
    for (; reached < half; reached++) widenByOne(wide, width, last);
    for (const [dy, dz] of rows) {
      const fromY = Math.max(0, -dy);
      const words = width * (ny - Math.abs(dy));
      for (let z = Math.max(0, -dz); z < nz - Math.max(0, dz); z++) {
        let to = width * (fromY + ny * z);
        let at = to + width * (dy + ny * dz);
        for (const end = to + words; to < end; to++, at++) out[to] |= wide[at];
      }
    }
  }
  if (invert) invertWords(out, width, last);
  return { words: out, width, size };
}

/** @param mask not zero where the bit is to be set, x fastest */
export function packMask(mask: Uint8Array, size: Size3): PackedMask {
  const [nx, ny, nz] = size;
  const width = Math.ceil(nx / 32);
  const words = new Int32Array(width * ny * nz);
  let i = 0;
  for (let row = 0; row < ny * nz; row++) {
    for (let x = 0; x < nx; x += 32) {
      const end = Math.min(32, nx - x);
      let word = 0;
      for (let bit = 0; bit < end; bit++, i++) if (mask[i] !== 0) word |= 1 << bit;
      words[row * width + (x >> 5)] = word;
    }
  }
  return { words, width, size };
}

/** Ones and zeros, x fastest. */
export function unpackMask({ words, width, size }: PackedMask): Uint8Array {
  const [nx, ny, nz] = size;
  const out = new Uint8Array(nx * ny * nz);
  for (let row = 0; row < ny * nz; row++) {
    for (let x = 0; x < nx; x += 32) {
      const word = words[row * width + (x >> 5)];
      if (word === 0) continue;
      const end = Math.min(32, nx - x);
      const to = row * nx + x;
      for (let bit = 0; bit < end; bit++) out[to + bit] = (word >>> bit) & 1;
    }
  }
  return out;
}

/** Bits of a row's last word that stand for voxels. */
function lastWord(nx: number): number {
  return nx % 32 === 0 ? -1 : (1 << (nx % 32)) - 1;
}

function invertWords(words: Int32Array, width: number, last: number): void {
  for (let i = 0; i < words.length; i++) words[i] = ~words[i];
  for (let i = width - 1; i < words.length; i += width) words[i] &= last;
}

/** Every set bit sets those before and after it in its row. */
function widenByOne(words: Int32Array, width: number, last: number): void {
  for (let row = 0; row < words.length; row += width) {
    let before = 0;
    for (let i = row; i < row + width; i++) {
      const word = words[i];
      const after = i + 1 < row + width ? words[i + 1] : 0;
      words[i] = word | (word << 1) | (before >>> 31) | (word >>> 1) | (after << 31);
      before = word;
    }
    words[row + width - 1] &= last;
  }
}
