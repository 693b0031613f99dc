/** A range of `span` voxels from `start` on, shown with `pixels` pixels. */
export interface Stretch {
  readonly start: number;
  readonly span: number;
  readonly pixels: number;
}

/** Of every pixel the voxels it is made of, `[first, end)`, and their weights, `reach` places a pixel. */
interface Taps {
  readonly first: Int32Array;
  readonly end: Int32Array;
  readonly weights: Float64Array;
  readonly reach: number;
}

/**
 * A part of a slice at another size: linear interpolation when it grows, a triangle filter as wide as a pixel when it
 * shrinks, so that no voxel is left out. One pass an axis.
 *
 * @param width voxels of a row of `data`
 */
export function stretchLinear(
  data: Float32Array | Int16Array,
  width: number,
  across: Stretch,
  down: Stretch,
): Float32Array {
  const height = data.length / width;
  const columns = tapsOf(across, width);
  const rows = tapsOf(down, height);
  const { pixels } = across;

  const narrow = new Float32Array(pixels * height);
  const [top, bottom] = [rows.first[0] ?? 0, rows.end[down.pixels - 1] ?? height];
  for (let y = top; y < bottom; y++) {
    for (let x = 0; x < pixels; x++) {
      const end = columns.end[x] ?? 0;
      let weight = x * columns.reach;
      let sum = 0;
      for (let n = columns.first[x] ?? 0; n < end; n++)
        sum += (columns.weights[weight++] ?? 0) * (data[y * width + n] ?? 0);
      narrow[y * pixels + x] = sum;
    }
  }
  const out = new Float32Array(pixels * down.pixels);
  const sums = new Float64Array(pixels);
  for (let y = 0; y < down.pixels; y++) {
    sums.fill(0);
    const first = rows.first[y] ?? 0;
    const end = rows.end[y] ?? 0;
    for (let n = first; n < end; n++) {
      const weight = rows.weights[y * rows.reach + n - first] ?? 0;
      const from = n * pixels;
      for (let x = 0; x < pixels; x++) sums[x] = (sums[x] ?? 0) + weight * (narrow[from + x] ?? 0);
    }
    out.set(sums, y * pixels);
  }
  return out;
}

/** The same part with the nearest voxel's value: labels are not mixed. */
export function stretchNearest<T extends Uint8Array | Uint16Array>(
  data: T,
  width: number,
  across: Stretch,
  down: Stretch,
): Uint16Array {
  const [columns, rows] = [nearestOf(across), nearestOf(down)];
  const out = new Uint16Array(across.pixels * down.pixels);
  let to = 0;
  for (const y of rows) for (const x of columns) out[to++] = data[y * width + x] ?? 0;
  return out;
}

function nearestOf({ start, span, pixels }: Stretch): Int32Array {
  return Int32Array.from({ length: pixels }, (_, i) => Math.floor(start + ((i + 0.5) * span) / pixels));
}

function tapsOf({ start, span, pixels }: Stretch, length: number): Taps {
  const ratio = span / pixels;
  const radius = Math.max(1, ratio);
  const reach = 2 * Math.floor(radius) + 2;
  const taps = {
    ...{ first: new Int32Array(pixels), end: new Int32Array(pixels) },
    ...{ weights: new Float64Array(pixels * reach), reach },
  };
  for (let i = 0; i < pixels; i++) {
    const centre = Math.min(Math.max(start + (i + 0.5) * ratio - 0.5, 0), length - 1);
    const first = Math.max(0, Math.ceil(centre - radius));
    const end = Math.min(length - 1, Math.floor(centre + radius)) + 1;
    const weightOf = (n: number) => 1 - Math.abs(n - centre) / radius;
    let sum = 0;
    for (let n = first; n < end; n++) sum += weightOf(n);
    for (let n = first; n < end; n++) taps.weights[i * reach + n - first] = weightOf(n) / sum;
    taps.first[i] = first;
    taps.end[i] = end;
  }
  return taps;
}
