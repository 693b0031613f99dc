/** A range of `span` voxels from `start` on, shown with `pixels` pixels. */
export interface Stretch {
  readonly start: number;
  readonly span: number;
  readonly pixels: number;
}

/** Source positions and weights of one pixel. */
interface Taps {
  readonly from: number;
  readonly weights: readonly number[];
}

/**
 * A part of a slice at another size: linear interpolation when it grows, a triangle filter as wide as a pixel when it
 * shrinks, so that no voxel is left out. One pass an axis.
 *
 * @param width voxels of a row of `data`
 */
export function stretchLinear(data: Float32Array, width: number, across: Stretch, down: Stretch): Float32Array {
  const height = data.length / width;
  const columns = tapsOf(across, width);
  const rows = tapsOf(down, height);

  const narrow = new Float32Array(across.pixels * height);
  for (let y = 0; y < height; y++) {
    let to = y * across.pixels;
    for (const { from, weights } of columns) {
      let sum = 0;
      const at = y * width + from;
      for (let n = 0; n < weights.length; n++) sum += (weights[n] ?? 0) * (data[at + n] ?? 0);
      narrow[to++] = sum;
    }
  }
  const out = new Float32Array(across.pixels * down.pixels);
  let to = 0;
  for (const { from, weights } of rows) {
    for (let x = 0; x < across.pixels; x++) {
      let sum = 0;
      const at = from * across.pixels + x;
      for (let n = 0; n < weights.length; n++) sum += (weights[n] ?? 0) * (narrow[at + n * across.pixels] ?? 0);
      out[to++] = sum;
    }
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
  const at = ({ start, span, pixels }: Stretch, i: number) => Math.floor(start + ((i + 0.5) * span) / pixels);
  const out = new Uint16Array(across.pixels * down.pixels);
  for (let y = 0; y < down.pixels; y++) {
    const row = at(down, y) * width;
    for (let x = 0; x < across.pixels; x++) out[y * across.pixels + x] = data[row + at(across, x)] ?? 0;
  }
  return out;
}

function tapsOf({ start, span, pixels }: Stretch, length: number): Taps[] {
  const ratio = span / pixels;
  const reach = Math.max(1, ratio);
  return Array.from({ length: pixels }, (_, i) => {
    const centre = Math.min(Math.max(start + (i + 0.5) * ratio - 0.5, 0), length - 1);
    const from = Math.max(0, Math.ceil(centre - reach));
    const to = Math.min(length - 1, Math.floor(centre + reach));
    const weights = Array.from({ length: to - from + 1 }, (_, n) => 1 - Math.abs(from + n - centre) / reach);
    const sum = weights.reduce((a, b) => a + b, 0);
    return { from, weights: weights.map((weight) => weight / sum) };
  });
}
