import type { Size3 } from "./affine.js";
import { extremes } from "./extremes.js";
import { openSplineKernel, type SplineKernel } from "./spline-kernel.js";
import { type VoxelArray, voxelCount } from "./volume.js";

type Axis = 0 | 1 | 2;

/** Voxels that scipy repeats at each end before it computes the coefficients of a cubic spline. */
const EDGE_PAD = 12;
/** Numbers that the kernel is given at a time: with what becomes of them they fit into a processor's second cache. */
const SLAB = 131_072;

/** Whole numbers that stand for those of a table, by their lower 16 bits: looked up as they are read, into no array. */
export interface ByTable {
  readonly whole: Int16Array;
  readonly table: Float32Array;
}

type Source = VoxelArray | ByTable;

/**
 * A volume on another number of voxels over the same extent by cubic B-splines, one axis after another: scipy's
 * `zoom(order=3, grid_mode=True, mode="nearest")`, in double precision.
 *
 * Axes of a slice that follow each other are done slice by slice, so that between them there is no volume; the last one
 * goes to single precision at once where a range to clip to is given.
 *
 * @param axes those that change, in the order in which they are resized
 */
export function resizeAxesCubic(data: Source, size: Size3, newSize: Size3, axes: readonly Axis[]): Float64Array;
export function resizeAxesCubic(
  data: Source,
  size: Size3,
  newSize: Size3,
  axes: readonly Axis[],
  range: Range,
): Float32Array;
export function resizeAxesCubic(
  data: Source,
  size: Size3,
  newSize: Size3,
  axes: readonly Axis[],
  range: Range | null = null,
): Float64Array | Float32Array {
  let current: Source = data;
  let from = size;
  for (const group of groupsOf(axes)) {
    const to = withLengths(from, newSize, group);
    const clip = group[group.length - 1] === axes[axes.length - 1] ? range : null;
    const out = clip === null ? new Float64Array(voxelCount(to)) : new Float32Array(voxelCount(to));
    if (group[0] === 2)
      new AxisPass(from[2], to[2], clip, tableOf(current)).columns(current, 0, from[0] * from[1], out, 0);
    else resizeSlices(current, from, to, group, clip, out);
    current = out;
    from = to;
  }
  return current as Float64Array | Float32Array;
}

/** Axes as they follow each other: z alone, x and y together. */
function groupsOf(axes: readonly Axis[]): Axis[][] {
  const groups: Axis[][] = [];
  for (const [n, axis] of axes.entries()) {
    if (n > 0 && axis !== 2 && axes[n - 1] !== 2) groups[groups.length - 1].push(axis);
    else groups.push([axis]);
  }
  return groups;
}

function withLengths(size: Size3, newSize: Size3, axes: readonly Axis[]): Size3 {
  return size.map((length, axis) => (axes.includes(axis as Axis) ? newSize[axis] : length)) as unknown as Size3;
}

/** Each slice along x, y or both, in the order of the axes. */
function resizeSlices(
  data: Source,
  from: Size3,
  to: Size3,
  [first, second]: readonly Axis[],
  clip: Range | null,
  out: Float64Array | Float32Array,
): void {
  const area = from[0] * from[1];
  const newArea = to[0] * to[1];
  const isOne = second === undefined;
  const one = new AxisPass(from[first], to[first], isOne ? clip : null, tableOf(data));
  const two = isOne ? null : new AxisPass(from[second], to[second], clip);
  const half = withLengths(from, to, [first]);
  const between = new Float64Array(isOne ? 0 : half[0] * half[1]);
  for (let z = 0; z < from[2]; z++) {
    if (two === null) alongSlice(one, first, from, data, z * area, out, z * newArea);
    else {
      alongSlice(one, first, from, data, z * area, between, 0);
      alongSlice(two, second, half, between, 0, out, z * newArea);
    }
  }
}

function alongSlice(
  pass: AxisPass,
  axis: Axis,
  [nx, ny]: Size3,
  data: Source,
  at: number,
  out: Float64Array | Float32Array,
  to: number,
): void {
  if (axis === 0) pass.rows(data, at, ny, out, to);
  else pass.columns(data, at, nx, out, to);
}

type Range = readonly [low: number, high: number];
type Given = Float32Array | Float64Array | Int16Array;

/** One axis: where its new voxels lie on it, and the kernel with room for a slab of columns. */
class AxisPass {
  readonly #length: number;
  readonly #newLength: number;
  readonly #range: Range | null;
  readonly #kernel: SplineKernel;
  /** Columns that there is room for. */
  readonly #most: number;
  readonly #addresses: {
    readonly block: number;
    readonly starts: number;
    readonly weights: number;
    readonly table: number;
  };
  readonly #singles: Float32Array;
  readonly #doubles: Float64Array;
  readonly #whole: Int16Array;
  readonly #found: Float64Array;
  readonly #clipped: Float32Array;

  /**
   * @param range what values are clipped to, which are then in single precision
   * @param table of whole numbers, where such are given
   */
  constructor(length: number, newLength: number, range: Range | null, table: Float32Array | null = null) {
    this.#length = length;
    this.#newLength = newLength;
    this.#range = range;
    let most = 0;
    const { kernel, memory, places } = openSplineKernel(({ columnsAtOnce }) => {
      const together = columnsAtOnce();
      most = Math.max(1, Math.floor(SLAB / Math.max(length, newLength) / together)) * together;
      const [values, found] = [most * length, most * newLength];
      return [8 * values, 8 * found, range === null ? 0 : 4 * found].concat([
        8 * (length + 2 * EDGE_PAD) * together,
        4 * newLength,
        32 * newLength,
        4 * (table?.length ?? 0),
      ]);
    });
    this.#kernel = kernel;
    this.#most = most;
    const [atValues, atFound, atClipped, block, starts, weights, atTable] = places;
    this.#addresses = { block, starts, weights, table: atTable };
    if (table !== null) new Float32Array(memory, atTable, table.length).set(table);
    this.#singles = new Float32Array(memory, atValues, most * length);
    this.#doubles = new Float64Array(memory, atValues, most * length);
    this.#whole = new Int16Array(memory, atValues, most * length);
    this.#found = new Float64Array(memory, atFound, most * newLength);
    this.#clipped = new Float32Array(memory, atClipped, range === null ? 0 : most * newLength);
    fillTables(length, new Int32Array(memory, starts, newLength), new Float64Array(memory, weights, 4 * newLength));
  }

  /** So many rows, one after the other in memory. */
  rows(data: Source, at: number, count: number, out: Float64Array | Float32Array, to: number): void {
    const [length, newLength] = [this.#length, this.#newLength];
    const given = this.#givenAs(data);
    for (let first = 0; first < count; first += this.#most) {
      const rows = Math.min(this.#most, count - first);
      given.set(numbersOf(data).subarray(at + first * length, at + (first + rows) * length));
      const found = this.#resize(given, [1, length], rows, [1, newLength]);
      out.set(found, to + first * newLength);
    }
  }

  /** So many columns, the first voxels of all of them beside each other in memory, then the second ones, and so on. */
  columns(data: Source, at: number, count: number, out: Float64Array | Float32Array, to: number): void {
    const given = this.#givenAs(data);
    for (let first = 0; first < count; first += this.#most) {
      const width = Math.min(this.#most, count - first);
      copyRows(numbersOf(data), at + first, count, given, 0, width, width, this.#length);
      const found = this.#resize(given, [width, 1], width, [width, 1]);
      copyRows(found, 0, width, out, to + first, count, width, this.#newLength);
    }
  }

  /** Numbers that single precision holds are given as such. */
  #givenAs(data: Source): Given {
    if (isByTable(data)) return this.#whole;
    return isSingle(data) ? this.#singles : this.#doubles;
  }

  #resize(
    given: Given,
    [step, columnStep]: readonly [number, number],
    columns: number,
    [toStep, toColumnStep]: readonly [number, number],
  ): Float64Array | Float32Array {
    const { block, starts, weights, table } = this.#addresses;
    const kind = given === this.#whole ? 2 : given === this.#doubles ? 1 : 0;
    const pole = Math.sqrt(3) - 2;
    const gain = (1 - pole) * (1 - 1 / pole);
    this.#kernel.resizeColumns(
      ...([given.byteOffset, kind, table, step, columnStep, columns, this.#length] as const),
      ...([block, pole, gain, pole ** (this.#length + 2 * EDGE_PAD), starts, weights, this.#newLength] as const),
      ...([this.#found.byteOffset, toStep, toColumnStep] as const),
    );
    const count = columns * this.#newLength;
    if (this.#range === null) return this.#found.subarray(0, count);
    const [low, high] = this.#range;
    this.#kernel.clip(this.#found.byteOffset, count, low, high, this.#clipped.byteOffset);
    return this.#clipped.subarray(0, count);
  }
}

/** Copies rows of so many numbers from where they are one stride apart to where they are another one apart. */
function copyRows(
  from: VoxelArray,
  at: number,
  stride: number,
  out: Given,
  to: number,
  outStride: number,
  width: number,
  rows: number,
): void {
  if (stride === width && outStride === width) {
    out.set(from.subarray(at, at + rows * width), to);
    return;
  }
  for (let row = 0; row < rows; row++) {
    const start = at + row * stride;
    out.set(from.subarray(start, start + width), to + row * outStride);
  }
}

function numbersOf(data: Source): VoxelArray {
  return isByTable(data) ? data.whole : data;
}

function tableOf(data: Source): Float32Array | null {
  return isByTable(data) ? data.table : null;
}

function isByTable(data: Source): data is ByTable {
  return "table" in data;
}

/** Of each new voxel the first of the four coefficients that it is made of, and their weights. */
function fillTables(length: number, starts: Int32Array, weights: Float64Array): void {
  for (let i = 0; i < starts.length; i++) {
    const position = sourcePosition(i, length / starts.length) + EDGE_PAD;
    starts[i] = Math.floor(position) - 1;
    const y = position - Math.floor(position);
    const z = 1 - y;
    const w0 = (z * z * z) / 6;
    const w1 = (y * y * (y - 2) * 3 + 4) / 6;
    const w2 = (z * z * (z - 2) * 3 + 4) / 6;
    weights.set([w0, w1, w2, 1 - w0 - w1 - w2], i * 4);
  }
}

/** Position on the source axis of voxel `i` of the result. The order of operations is scipy's: it decides at halves. */
export function sourcePosition(i: number, scale: number): number {
  return (i + 0.5) * scale - 0.5;
}

/** The smallest and the largest number; of zeros the first one's sign counts. */
export function rangeOf(data: Source): Range {
  if (isByTable(data)) return rangeByTable(data);
  if (!isSingle(data)) return extremes(data);
  const { kernel, memory, places } = openSplineKernel(() => [4 * SLAB, 8]);
  const [atValues, atRange] = places;
  const values = new Float32Array(memory, atValues, SLAB);
  const range = new Float32Array(memory, atRange, 2);
  range.set([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  for (let at = 0; at < data.length; at += SLAB) {
    const slab = data.subarray(at, at + SLAB);
    values.set(slab);
    kernel.extend(atValues, slab.length, atRange);
  }
  const signed = (end: number): number => (end === 0 ? data[data.indexOf(0)] : end);
  return [signed(range[0]), signed(range[1])];
}

function rangeByTable({ whole, table }: ByTable): Range {
  const [least, most] = extremes(whole);
  const isRising = (): boolean => {
    for (let v = least; v < most; v++) if (table[v & 0xffff] > table[(v + 1) & 0xffff]) return false;
    return true;
  };
  const [low, high] = isRising() ? [table[least & 0xffff], table[most & 0xffff]] : extremes(usedOf(whole, table));
  const signed = (end: number): number =>
    end === 0 ? table[whole[whole.findIndex((value) => table[value & 0xffff] === 0)] & 0xffff] : end;
  return [signed(low), signed(high)];
}

/** What a table gives for the numbers that are there. */
function usedOf(whole: Int16Array, table: Float32Array): Float32Array {
  const isThere = new Uint8Array(65_536);
  for (let i = 0; i < whole.length; i++) isThere[whole[i] & 0xffff] = 1;
  return table.filter((_, n) => isThere[n] === 1);
}

/** Whether single precision holds each of the numbers. */
function isSingle(data: Source): boolean {
  return isByTable(data) || data instanceof Float32Array || data.BYTES_PER_ELEMENT <= 2;
}
