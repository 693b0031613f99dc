import type { Size3 } from "#src/imaging/affine.js";
import type { SlicOptions } from "./slic.js";

/** Voxels of a block along x, y, z. */
const BLOCK: Size3 = [8, 4, 4];
/** How much of the numbers compared may be rounding. */
const ROUNDING = 1e-12;

/** Box of each block of voxels in image and intensity: what its voxels can be. */
interface Blocks {
  readonly count: Size3;
  /** Lowest and highest x, y, z and intensity of each channel, block by block. */
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/**
 * The search of SLIC: every voxel's nearest centre by distance in the image and in intensity, among the centres that
 * are at most two steps away along each axis; of equals the first.
 *
 * The result is that of comparing every centre with every voxel of its window, to the last bit, but most of that work
 * is left out (the filtering of Kanungo et al. 2002, DOI 10.1109/TPAMI.2002.1017616): the difference between the
 * squared distances to two centres is linear in place and intensity, so its least value over a block of voxels is at
 * a corner. A centre that is further from all of the block than one other centre is passed over.
 *
 * @param features one array a channel, weighed against distance
 * @returns takes x, y, z and features of each centre in turn, and the labels to write to; a voxel that no window
 *   reaches keeps its label
 */
export function nearestCentres(
  features: readonly Float64Array[],
  size: Size3,
  { spacing, edge, stepVox }: SlicOptions,
): (centres: Float64Array, labels: Int32Array) => void {
  const width = 3 + features.length;
  const weight = 1 / edge ** 2;
  const [first] = features;
  const [nx, ny, nz] = size;
  const [sx, sy, sz] = spacing;
  const blocks = blocksOf(features, size);
  const [bx, by] = blocks.count;
  const distances = new Float64Array(nx * ny * nz);
  /** The centre that all of a block is known to have, and the largest squared distance to it; -1 for none. */
  const rival = new Int32Array(blocks.low.length / width);
  const rivalMost = new Float64Array(rival.length);
  const weights = Float64Array.from({ length: width }, (_, j) => (j < 3 ? spacing[j] ** 2 * weight : 1));
  const from = (centre: number, step: number): number => Math.trunc(Math.max(centre - 2 * step, 0));
  const to = (centre: number, step: number, length: number): number =>
    Math.trunc(Math.min(centre + 2 * step + 1, length));

  /** Largest squared distance that a voxel of the block can have to a centre. */
  function most(block: number, centre: number, centres: Float64Array): number {
    let sum = 0;
    for (let j = 0; j < width; j++) {
      const c = centres[centre + j];
      const d = Math.max(c - blocks.low[block + j], blocks.high[block + j] - c);
      sum += weights[j] * d * d;
    }
    return sum;
  }

  /** By how much a centre is further than another from every voxel of the block, at least; below 0 where it is not. */
  function further(block: number, centre: number, than: number, centres: Float64Array): number {
    let sum = 0;
    for (let j = 0; j < width; j++) {
      const a = centres[centre + j];
      const b = centres[than + j];
      // (p - a)2 - (p - b)2 is linear in p: its least value is at one end.
      const p = a > b ? blocks.high[block + j] : blocks.low[block + j];
      sum += weights[j] * (b - a) * (2 * p - a - b);
    }
    return sum;
  }

  function findRivals(centres: Float64Array): void {
    rival.fill(-1);
    rivalMost.fill(Number.POSITIVE_INFINITY);
    for (let at = 0; at < centres.length; at += width) {
      const [cx, cy, cz] = [centres[at], centres[at + 1], centres[at + 2]];
      const [x0, x1] = inner(from(cx, stepVox[0]), to(cx, stepVox[0], nx), nx, 8);
      const [y0, y1] = inner(from(cy, stepVox[1]), to(cy, stepVox[1], ny), ny, 4);
      const [z0, z1] = inner(from(cz, stepVox[2]), to(cz, stepVox[2], nz), nz, 4);
      for (let z = z0; z < z1; z++) {
        for (let y = y0; y < y1; y++) {
          for (let block = x0 + bx * (y + by * z), end = block + x1 - x0; block < end; block++) {
            const distance = most(block * width, at, centres);
            if (distance >= rivalMost[block]) continue;
            rivalMost[block] = distance;
            rival[block] = at;
          }
        }
      }
    }
  }

  function isOutdone(block: number, at: number, centres: Float64Array): boolean {
    const other = rival[block];
    if (other < 0 || other === at) return false;
    const margin = ROUNDING * (most(block * width, at, centres) + rivalMost[block]);
    return further(block * width, at, other, centres) > margin;
  }

  /** Takes a part of a row for a centre where it is the nearest so far. Nearly all the time goes here. */
  function ofOneChannel(
    row: number,
    start: number,
    end: number,
    planar: number,
    k: number,
    cx: number,
    brightness: number,
    labels: Int32Array,
  ): void {
    for (let x = start; x < end; x++) {
      const dx = sx * (cx - x);
      const d = first[row + x] - brightness;
      const distance = (planar + dx * dx) * weight + d * d;
      if (distances[row + x] > distance) {
        distances[row + x] = distance;
        labels[row + x] = k;
      }
    }
  }

  function ofChannels(
    row: number,
    start: number,
    end: number,
    planar: number,
    k: number,
    centres: Float64Array,
    labels: Int32Array,
  ): void {
    const at = k * width;
    for (let x = start; x < end; x++) {
      const i = row + x;
      const dx = sx * (centres[at] - x);
      let distance = (planar + dx * dx) * weight;
      for (let f = 0; f < features.length; f++) {
        const d = features[f][i] - centres[at + 3 + f];
        distance += d * d;
      }
      if (distances[i] > distance) {
        distances[i] = distance;
        labels[i] = k;
      }
    }
  }

  return (centres, labels) => {
    findRivals(centres);
    distances.fill(Number.POSITIVE_INFINITY);
    for (let k = 0, at = 0; at < centres.length; k++, at += width) {
      const [cx, cy, cz] = [centres[at], centres[at + 1], centres[at + 2]];
      const brightness = centres[at + 3];
      const xStart = from(cx, stepVox[0]);
      const xEnd = to(cx, stepVox[0], nx);
      const yStart = from(cy, stepVox[1]);
      const yEnd = to(cy, stepVox[1], ny);
      const zStart = from(cz, stepVox[2]);
      const zEnd = to(cz, stepVox[2], nz);
      for (let zb = zStart & ~3; zb < zEnd; zb += 4) {
        for (let yb = yStart & ~3; yb < yEnd; yb += 4) {
          for (let xb = xStart & ~7; xb < xEnd; xb += 8) {
            if (isOutdone((xb >> 3) + bx * ((yb >> 2) + by * (zb >> 2)), at, centres)) continue;
            const x0 = Math.max(xb, xStart);
            const x1 = Math.min(xb + 8, xEnd);
            const y1 = Math.min(yb + 4, yEnd);
            const z1 = Math.min(zb + 4, zEnd);
            for (let z = Math.max(zb, zStart); z < z1; z++) {
              const dz = (sz * (cz - z)) ** 2;
              for (let y = Math.max(yb, yStart); y < y1; y++) {
                const planar = dz + (sy * (cy - y)) ** 2;
                const row = nx * (y + ny * z);
                if (features.length > 1) ofChannels(row, x0, x1, planar, k, centres, labels);
                else ofOneChannel(row, x0, x1, planar, k, cx, brightness, labels);
              }
            }
          }
        }
      }
    }
  };
}

/** Blocks along one axis that lie in a window as a whole: the first, and the first after them. */
function inner(start: number, end: number, length: number, block: number): readonly [number, number] {
  return [Math.ceil(start / block), end === length ? Math.ceil(end / block) : Math.floor(end / block)];
}

function blocksOf(features: readonly Float64Array[], [nx, ny, nz]: Size3): Blocks {
  const count: Size3 = [Math.ceil(nx / BLOCK[0]), Math.ceil(ny / BLOCK[1]), Math.ceil(nz / BLOCK[2])];
  const width = 3 + features.length;
  const low = new Float64Array(count[0] * count[1] * count[2] * width).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(low.length).fill(Number.NEGATIVE_INFINITY);
  const widen = (at: number, value: number): void => {
    if (value < low[at]) low[at] = value;
    if (value > high[at]) high[at] = value;
  };
  let i = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const row = count[0] * ((y >> 2) + count[1] * (z >> 2));
      for (let x = 0; x < nx; x++, i++) {
        const at = (row + (x >> 3)) * width;
        widen(at, x);
        widen(at + 1, y);
        widen(at + 2, z);
        for (let f = 0; f < features.length; f++) widen(at + 3 + f, features[f][i]);
      }
    }
  }
  return { count, low, high };
}
