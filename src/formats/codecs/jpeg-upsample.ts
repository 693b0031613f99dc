/** Samples of a component that has fewer than the image, `stride` apart from row to row. */
export interface FewerSamples {
  readonly samples: Uint16Array;
  readonly stride: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Brings a component to the size of its image as libjpeg does (jdsample.c, "fancy upsampling"): with half the columns,
 * or half of both, each sample weighs 3 to 1 against its neighbours; otherwise samples are repeated.
 *
 * @param across columns of the image for one of the component, `down` rows; whole numbers or not
 */
export function upsampled(
  plane: FewerSamples,
  rows: number,
  columns: number,
  across: number,
  down: number,
): Uint16Array {
  const out = new Uint16Array(rows * columns);
  const { samples, stride } = plane;
  if (across === 1 && down === 1) {
    for (let y = 0; y < rows; y++) out.set(samples.subarray(y * stride, y * stride + columns), y * columns);
    return out;
  }
  // libjpeg leaves images of one or two samples alone: the weights below need a neighbour on each side.
  if (across === 2 && down <= 2 && Number.isInteger(down) && plane.columns > 2) {
    for (let y = 0; y < rows; y++) weighRow(plane, y, down, out.subarray(y * columns, (y + 1) * columns));
    return out;
  }
  for (let y = 0; y < rows; y++) {
    const line = Math.floor(y / down) * stride;
    for (let x = 0; x < columns; x++) out[y * columns + x] = samples[line + Math.floor(x / across)] as number;
  }
  return out;
}

/** One row of the image from the nearest row of the component and, where rows are halved, the next but one. */
function weighRow({ samples, stride, rows, columns }: FewerSamples, y: number, down: number, out: Uint16Array): void {
  const near = Math.floor(y / down);
  const far = down === 1 ? near : Math.max(0, Math.min(rows - 1, near + (y % 2 === 0 ? -1 : 1)));
  // The weights add up to 4, or to 16; rounding goes down and up in turn, so that it has no preference.
  const [weight, shift, low, high] = down === 1 ? [0, 2, 1, 2] : [1, 4, 8, 7];
  const at = (x: number): number => {
    const own = samples[near * stride + x] as number;
    return weight === 0 ? own : 3 * own + (samples[far * stride + x] as number);
  };
  for (let x = 0; x < out.length; x++) {
    const own = x >> 1;
    const next = Math.max(0, Math.min(columns - 1, own + (x % 2 === 0 ? -1 : 1)));
    out[x] = (3 * at(own) + at(next) + (x % 2 === 0 ? low : high)) >> shift;
  }
}
