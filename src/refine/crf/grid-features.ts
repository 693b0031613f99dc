import type { Size3 } from "#src/imaging/affine.js";

/** Widths of a Gaussian kernel over positions, and over intensities where it looks at the image. */
export interface FeatureWidths {
  /** Along x, y (and z) in voxels: millimetres divided by the spacing. Of two, all slices are one. */
  readonly positionsVox: readonly number[];
  /** One a channel, in the channel's units. */
  readonly channels?: readonly number[];
}

/**
 * Features of a grid's points: position along the first two or three axes and any number of intensities, each divided
 * by its width. x first, then y, z, then the channels. In single precision, as pydensecrf's.
 *
 * @param channels intensities on the grid, x fastest
 * @param points the voxels that are points, ascending. @default all
 */
export function gridFeatures(
  size: Size3,
  { positionsVox, channels: channelWidths = [] }: FeatureWidths,
  channels: readonly Float32Array[] = [],
  points: Uint32Array | null = null,
): Float32Array {
  const positions = positionsVox.length;
  const d = positions + channels.length;
  const voxels = size[0] * size[1] * size[2];
  const count = points?.length ?? voxels;
  const out = new Float32Array(count * d);
  for (let axis = 0; axis < positions; axis++) {
    const width = Math.fround(positionsVox[axis] ?? 1);
    const length = size[axis] ?? 1;
    const places = Float32Array.from({ length }, (_, i) => i / width);
    const stride = axis === 0 ? 1 : axis === 1 ? size[0] : size[0] * size[1];
    for (let n = 0, to = axis; n < count; n++, to += d) {
      const voxel = points === null ? n : (points[n] as number);
      out[to] = places[Math.floor(voxel / stride) % length] as number;
    }
  }
  for (const [c, channel] of channels.entries()) {
    const width = Math.fround(channelWidths[c] ?? 1);
    for (let n = 0, to = positions + c; n < count; n++, to += d) {
      out[to] = (channel[points === null ? n : (points[n] as number)] as number) / width;
    }
  }
  return out;
}
