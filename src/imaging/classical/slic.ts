import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { nearestCentres } from "./slic-nearest.js";
import { joinSmallSuperpixels } from "./superpixel-connectivity.js";

export interface SlicOptions {
  /** Distance between the first centres along x, y, z in voxels; whole numbers. */
  readonly stepVox: Size3;
  /** Voxel of the first centre along x, y, z; half a step where not said. */
  readonly startVox?: Size3;
  /** Size of a voxel along x, y, z. */
  readonly spacing: Vec3;
  /** Edge length of a superpixel in units of `spacing`: what distances are measured by. */
  readonly edge: number;
  /** Larger: more compact superpixels. Smaller: outlines follow the image. For intensities scaled to [0, 1]. */
  readonly compactness: number;
  readonly iterations: number;
}

/** Smallest and largest superpixel, as parts of the mean size. */
const MIN_SIZE = 0.5;
const MAX_SIZE = 3;

/**
 * SLIC superpixels in 2-D and 3-D (Achanta et al. 2012, DOI 10.1109/TPAMI.2012.120) with the arithmetic of
 * scikit-image's `slic`: intensities scaled to [0, 1] over all channels, k-means in a window of two steps around each
 * centre, then superpixels made connected.
 *
 * @param channels images on one grid, no NaN
 * @returns number of each voxel's superpixel, from 1 without a gap
 */
export function slic(channels: readonly Float32Array[], size: Size3, options: SlicOptions): Int32Array {
  const features = scaledFeatures(channels, options.compactness);
  const centres = firstCentres(size, options, features.length);
  const labels = assignToCentres(features, size, centres, options);
  const meanSize = labels.length / centres.count;
  return joinSmallSuperpixels(labels, size, Math.trunc(MIN_SIZE * meanSize), Math.trunc(MAX_SIZE * meanSize));
}

/** Steps and edge of cube-like superpixels in millimetres. */
export function stepsOfEdge(
  size: Size3,
  spacingMm: Vec3,
  edgeMm: number,
): Pick<SlicOptions, "stepVox" | "spacing" | "edge"> {
  const step = (axis: 0 | 1 | 2): number => Math.min(size[axis], Math.max(1, Math.round(edgeMm / spacingMm[axis])));
  return { stepVox: [step(0), step(1), step(2)], spacing: spacingMm, edge: edgeMm };
}

function scaledFeatures(channels: readonly Float32Array[], compactness: number): Float64Array[] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const channel of channels) {
    for (let i = 0; i < channel.length; i++) {
      low = Math.min(low, channel[i]);
      high = Math.max(high, channel[i]);
    }
  }
  const range = high > low ? high - low : 1;
  const ratio = 1 / compactness;
  return channels.map((channel) => {
    const scaled = new Float64Array(channel.length);
    for (let i = 0; i < scaled.length; i++) scaled[i] = ((channel[i] - low) / range) * ratio;
    return scaled;
  });
}

interface Centres {
  readonly count: number;
  /** x, y, z and the features of each centre, in turn. */
  readonly values: Float64Array;
  readonly width: number;
}

function firstCentres(size: Size3, { stepVox, startVox }: SlicOptions, features: number): Centres {
  const start = (axis: 0 | 1 | 2): number =>
    startVox ? startVox[axis] : Math.min(size[axis] - 1, Math.floor(stepVox[axis] / 2));
  const width = 3 + features;
  const values: number[] = [];
  for (let z = start(2); z < size[2]; z += stepVox[2]) {
    for (let y = start(1); y < size[1]; y += stepVox[1]) {
      // The features start at 0, as scikit-image's do: the first round is by distance and brightness.
      for (let x = start(0); x < size[0]; x += stepVox[0]) values.push(x, y, z, ...new Array<number>(features).fill(0));
    }
  }
  return { count: values.length / width, values: Float64Array.from(values), width };
}

function assignToCentres(
  features: readonly Float64Array[],
  size: Size3,
  { count, values, width }: Centres,
  options: SlicOptions,
): Int32Array {
  const assign = nearestCentres(features, size, options);
  const labels = new Int32Array(size[0] * size[1] * size[2]);
  for (let n = 0; n < options.iterations; n++) {
    assign(values, labels);
    moveCentres(features, size, labels, count, width, values);
  }
  return labels;
}

/** Each centre to the mean of its voxels; a centre without voxels stays. */
function moveCentres(
  features: readonly Float64Array[],
  size: Size3,
  labels: Int32Array,
  count: number,
  width: number,
  values: Float64Array,
): void {
  const sums = new Float64Array(values.length);
  const members = new Float64Array(count);
  let i = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[0]; x++, i++) {
        const at = labels[i] * width;
        members[labels[i]]++;
        sums[at] += x;
        sums[at + 1] += y;
        sums[at + 2] += z;
        for (let f = 0; f < features.length; f++) sums[at + 3 + f] += features[f][i];
      }
    }
  }
  for (let k = 0; k < count; k++) {
    if (members[k] === 0) continue;
    for (let j = k * width; j < (k + 1) * width; j++) values[j] = sums[j] / members[k];
  }
}
