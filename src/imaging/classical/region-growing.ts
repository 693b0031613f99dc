import type { Size3 } from "#src/imaging/affine.js";
import { type Connectivity, neighbourSteps } from "./neighbours.js";

/**
 * Voxels that can be reached from the seeds through neighbours whose value lies in [low, high] (ITK's
 * ConnectedThreshold). A seed whose own value lies outside grows nothing.
 *
 * @param seeds indices of voxels
 * @returns ones where the region is
 */
export function growRegion(
  image: Float32Array,
  size: Size3,
  seeds: ArrayLike<number>,
  range: { readonly low: number; readonly high: number },
  connectivity: Connectivity = 6,
): Uint8Array {
  const { low, high } = range;
  const region = new Uint8Array(image.length);
  const steps = neighbourSteps(size, connectivity);
  const [nx, ny, nz] = size;
  let stack = new Int32Array(1024);
  let top = 0;
  const push = (i: number): void => {
    if (region[i] !== 0 || !(image[i] >= low && image[i] <= high)) return;
    region[i] = 1;
    if (top === stack.length) {
      const wider = new Int32Array(2 * stack.length);
      wider.set(stack);
      stack = wider;
    }
    stack[top++] = i;
  };
  for (let s = 0; s < seeds.length; s++) push(seeds[s]);
  while (top > 0) {
    const i = stack[--top];
    const x = i % nx;
    const row = (i - x) / nx;
    const y = row % ny;
    const z = (row - y) / ny;
    for (let n = 0; n < steps.length; n += 3) {
      const tx = x + steps[n];
      const ty = y + steps[n + 1];
      const tz = z + steps[n + 2];
      if (tx < 0 || ty < 0 || tz < 0 || tx >= nx || ty >= ny || tz >= nz) continue;
      push(tx + nx * (ty + ny * tz));
    }
  }
  return region;
}

export interface ConfidenceOptions {
  /** The range is the region's mean plus and minus this many of its standard deviations. */
  readonly multiplier: number;
  /** How often the range is taken anew from the region. */
  readonly iterations: number;
  /** The first range comes from cubes of this radius around the seeds. */
  readonly radiusVox: number;
}

/**
 * Region growing whose range comes from the region itself (ITK's ConfidenceConnected): mean and sample variance around
 * the seeds, then of the region grown, face-connected. The range always takes in the seeds' own values.
 */
export function growByConfidence(
  image: Float32Array,
  size: Size3,
  seeds: ArrayLike<number>,
  options: ConfidenceOptions,
): Uint8Array {
  if (seeds.length === 0) return new Uint8Array(image.length);
  let lowestSeed = Number.POSITIVE_INFINITY;
  let highestSeed = Number.NEGATIVE_INFINITY;
  let mean = 0;
  let variance = 0;
  for (let s = 0; s < seeds.length; s++) {
    lowestSeed = Math.min(lowestSeed, image[seeds[s]]);
    highestSeed = Math.max(highestSeed, image[seeds[s]]);
    const around = momentsAround(image, size, seeds[s], options.radiusVox);
    mean += around.mean / seeds.length;
    variance += around.variance / seeds.length;
  }
  const grow = (): Uint8Array => {
    const reach = options.multiplier * Math.sqrt(variance);
    const range = { low: Math.min(mean - reach, lowestSeed), high: Math.max(mean + reach, highestSeed) };
    return growRegion(image, size, seeds, range);
  };
  let region = grow();
  for (let n = 0; n < options.iterations; n++) {
    ({ mean, variance } = momentsOf(image, region));
    if (!(variance > 0)) break;
    region = grow();
  }
  return region;
}

interface Moments {
  readonly mean: number;
  /** Of a sample: divided by the count less one. */
  readonly variance: number;
}

function momentsOf(image: Float32Array, region: Uint8Array): Moments {
  let count = 0;
  let sum = 0;
  for (let i = 0; i < image.length; i++) {
    if (region[i] === 0) continue;
    count++;
    sum += image[i];
  }
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < image.length; i++) if (region[i] !== 0) squares += (image[i] - mean) ** 2;
  return { mean, variance: count > 1 ? squares / (count - 1) : 0 };
}

/** Of the cube around a voxel; beyond the border the border's value is repeated. */
function momentsAround(image: Float32Array, size: Size3, seed: number, radius: number): Moments {
  const [nx, ny, nz] = size;
  const x = seed % nx;
  const y = Math.floor(seed / nx) % ny;
  const z = Math.floor(seed / (nx * ny));
  const depth = nz === 1 ? 0 : radius;
  const clamp = (value: number, length: number): number => Math.min(length - 1, Math.max(0, value));
  const values: number[] = [];
  for (let dz = -depth; dz <= depth; dz++) {
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) {
        values.push(image[clamp(x + dx, nx) + nx * (clamp(y + dy, ny) + ny * clamp(z + dz, nz))]);
      }
    }
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: values.length > 1 ? squares / (values.length - 1) : 0 };
}
