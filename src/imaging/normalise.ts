import { extremes } from "./extremes.js";

/** How intensities are brought to a network's scale; the same words as in a model's manifest. */
export type IntensityScheme =
  | { readonly kind: "zscore"; readonly mask: "none" | "nonzero" | "foreground" }
  | { readonly kind: "ct"; readonly low: number; readonly high: number; readonly mean: number; readonly sd: number }
  | { readonly kind: "rescale01" }
  | { readonly kind: "percentile"; readonly low: number; readonly high: number }
  | {
      readonly kind: "range";
      readonly from: readonly [number, number];
      readonly to: readonly [number, number];
      readonly clip: boolean;
    }
  | { readonly kind: "none" }
  | { readonly kind: "chain"; readonly steps: readonly IntensityScheme[] };

/** Smallest divisor: a constant image becomes zeros, not infinities. */
const SMALLEST_DIVISOR = 1e-8;

/**
 * Intensities on a network's scale. Sums and quotients are in double precision.
 *
 * @param out array for the result; `data` itself is allowed
 * @param foreground ones where the mask "foreground" is; only that mask needs it
 * @returns `out`, or a new array
 */
export function normalise(
  data: Float32Array,
  scheme: IntensityScheme,
  out: Float32Array = new Float32Array(data.length),
  foreground: Uint8Array | null = null,
): Float32Array {
  switch (scheme.kind) {
    case "zscore":
      return zscore(data, maskFor(scheme.mask, data, foreground), out);
    case "ct":
      return ct(data, scheme.low, scheme.high, scheme.mean, scheme.sd, out);
    case "rescale01":
      return between(data, extremes(data), out);
    case "percentile":
      return clip01(between(data, percentiles(data, [scheme.low, scheme.high]), out));
    case "range":
      return range(data, scheme.from, scheme.to, scheme.clip, out);
    case "none":
      if (out !== data) out.set(data);
      return out;
    case "chain":
      scheme.steps.reduce((from, step) => normalise(from, step, out, foreground), data);
      return out;
  }
}

/** Whole numbers of 16 bits as `normalise` brings them to scale, in a new array. */
export function normaliseWhole(data: Int16Array, scheme: IntensityScheme, foreground: Uint8Array | null): Float32Array {
  const out = new Float32Array(data.length);
  const table = wholeTable(data, scheme);
  if (table !== null) {
    for (let i = 0; i < out.length; i++) out[i] = table[data[i] & 0xffff];
    return out;
  }
  out.set(data);
  return normalise(out, scheme, out, foreground);
}

/**
 * What whole numbers of 16 bits become by `normalise`, by their lower 16 bits: there are fewer values than voxels. Null
 * where equal ones may become unequal.
 */
export function wholeTable(data: Int16Array, scheme: IntensityScheme): Float32Array | null {
  if (!hasTable(scheme)) return null;
  const table = new Float32Array(65_536);
  for (let value = -32_768; value < 32_768; value++) table[value & 0xffff] = value;
  switch (scheme.kind) {
    case "zscore": {
      const isMasked = scheme.mask === "nonzero";
      return standardised(table, spread(data, isMasked ? data : null), isMasked ? table : null, table);
    }
    case "rescale01":
      return between(table, extremes(data), table);
    case "percentile":
      return clip01(between(table, percentiles(data, [scheme.low, scheme.high]), table));
    default:
      return normalise(table, scheme, table);
  }
}

/** Whether equal values become equal ones, so that whole numbers have a `wholeTable`. */
export function hasTable(scheme: IntensityScheme): boolean {
  if (scheme.kind === "chain") return scheme.steps.every(isByValue);
  return scheme.kind !== "zscore" || scheme.mask !== "foreground";
}

/** Whether what a value becomes does not hang on the others. */
function isByValue(scheme: IntensityScheme): boolean {
  if (scheme.kind === "chain") return scheme.steps.every(isByValue);
  return scheme.kind === "ct" || scheme.kind === "range" || scheme.kind === "none";
}

/** What a z-score is made of: non-zero where it counts; null for everywhere. */
function maskFor(
  mask: "none" | "nonzero" | "foreground",
  data: Float32Array,
  foreground: Uint8Array | null,
): ArrayLike<number> | null {
  if (mask === "none") return null;
  if (mask === "nonzero") return data;
  if (foreground === null) throw new RangeError("the foreground mask was not given");
  return foreground;
}

/**
 * Percentile with linear interpolation between order statistics (numpy's default). Exact, in time linear in the
 * number of values and without a sorted copy.
 *
 * @param q in [0, 100]
 * @throws {RangeError} for an empty array or a percentile outside [0, 100]
 */
export function percentile(data: Float32Array, q: number): number {
  return percentiles(data, [q])[0];
}

/** Several percentiles of the same values, for hardly more than one. */
export function percentiles(data: Float32Array | Int16Array, qs: readonly number[]): number[] {
  const wrong = qs.find((q) => !(q >= 0 && q <= 100));
  if (wrong !== undefined) throw new RangeError(`percentile must be in [0, 100], got ${wrong}`);
  if (data.length === 0) throw new RangeError("percentile of no values");
  const valueAt = data instanceof Int16Array ? wholeOrderStatistics(data) : orderStatistics(data);
  return qs.map((q) => {
    const rank = ((data.length - 1) * q) / 100;
    const below = Math.floor(rank);
    const a = valueAt(below);
    if (rank === below) return a;
    const b = valueAt(below + 1);
    const t = rank - below;
    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
  });
}

function zscore(data: Float32Array, mask: ArrayLike<number> | null, out: Float32Array): Float32Array {
  return standardised(data, spread(data, mask), mask, out);
}

interface Spread {
  readonly mean: number;
  readonly sd: number;
}

function spread(data: Float32Array | Int16Array, mask: ArrayLike<number> | null): Spread {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    if (mask !== null && mask[i] === 0) continue;
    sum += data[i];
    count++;
  }
  const mean = count === 0 ? 0 : sum / count;
  let squares = 0;
  for (let i = 0; i < data.length; i++) {
    if (mask !== null && mask[i] === 0) continue;
    const d = data[i] - mean;
    squares += d * d;
  }
  return { mean, sd: Math.max(Math.sqrt(count === 0 ? 0 : squares / count), SMALLEST_DIVISOR) };
}

function standardised(
  data: Float32Array,
  { mean, sd }: Spread,
  mask: ArrayLike<number> | null,
  out: Float32Array,
): Float32Array {
  // A mask may be the data themselves, and the result may be written over them: each voxel is asked before it changes.
  for (let i = 0; i < data.length; i++) out[i] = mask !== null && mask[i] === 0 ? data[i] : (data[i] - mean) / sd;
  return out;
}

function range(
  data: Float32Array,
  [fromLow, fromHigh]: readonly [number, number],
  [toLow, toHigh]: readonly [number, number],
  clip: boolean,
  out: Float32Array,
): Float32Array {
  const scale = (toHigh - toLow) / (fromHigh - fromLow);
  for (let i = 0; i < data.length; i++) {
    const value = (data[i] - fromLow) * scale + toLow;
    out[i] = clip ? Math.min(toHigh, Math.max(toLow, value)) : value;
  }
  return out;
}

function ct(data: Float32Array, low: number, high: number, mean: number, sd: number, out: Float32Array): Float32Array {
  const divisor = Math.max(sd, SMALLEST_DIVISOR);
  for (let i = 0; i < data.length; i++) out[i] = (Math.min(high, Math.max(low, data[i])) - mean) / divisor;
  return out;
}

function between(data: Float32Array, [low, high]: readonly number[], out: Float32Array): Float32Array {
  const divisor = Math.max(high - low, SMALLEST_DIVISOR);
  for (let i = 0; i < data.length; i++) out[i] = (data[i] - low) / divisor;
  return out;
}

function clip01(data: Float32Array): Float32Array {
  for (let i = 0; i < data.length; i++) data[i] = Math.min(1, Math.max(0, data[i]));
  return data;
}

/**
 * The value at a position (from 0) of the sorted data: a radix selection, upper and then lower 16 bits. One pass over the
 * data, and one for each upper half that was asked for.
 */
function orderStatistics(data: Float32Array): (rank: number) => number {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const upper = new Uint32Array(65_536);
  for (let i = 0; i < bits.length; i++) upper[sortable(bits[i]) >>> 16]++;
  const lowers = new Map<number, Uint32Array>();
  const lowerOf = (high: number): Uint32Array => {
    const counts = lowers.get(high) ?? new Uint32Array(65_536);
    if (lowers.has(high)) return counts;
    for (let i = 0; i < bits.length; i++) {
      const key = sortable(bits[i]);
      if (key >>> 16 === high) counts[key & 0xffff]++;
    }
    lowers.set(high, counts);
    return counts;
  };
  const value = new DataView(new ArrayBuffer(4));

  return (rank) => {
    let high = 0;
    let rest = rank;
    while (rest >= upper[high]) rest -= upper[high++];
    const lower = lowerOf(high);
    let low = 0;
    while (rest >= lower[low]) rest -= lower[low++];
    const key = ((high << 16) | low) >>> 0;
    value.setUint32(0, key >>> 31 === 1 ? (key & 0x7fffffff) >>> 0 : ~key >>> 0);
    return value.getFloat32(0);
  };
}

/** The same of whole numbers of 16 bits: all of them are counted. */
function wholeOrderStatistics(data: Int16Array): (rank: number) => number {
  const counts = new Uint32Array(65_536);
  for (let i = 0; i < data.length; i++) counts[data[i] + 32_768]++;
  return (rank) => {
    let value = 0;
    let rest = rank;
    while (rest >= counts[value]) rest -= counts[value++];
    return value - 32_768;
  };
}

/** Bits of a float as an unsigned number that sorts as the floats do. */
function sortable(bits: number): number {
  return bits >>> 31 === 1 ? ~bits >>> 0 : (bits | 0x80000000) >>> 0;
}
