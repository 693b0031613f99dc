import type { Size3 } from "#src/imaging/affine.js";
import { hasTable } from "#src/imaging/normalise.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { isNetwork, type PackageManifest } from "#src/model/classical-manifest.js";
import { asksOthers, needsForeground } from "#src/model/manifest.js";
import { type MemoryPhase, phase, uncollected } from "./memory-terms.js";
import { isCubic, type NetworkGrid, planNetworkGrid } from "./network-grid.js";

/** An image as its headers describe it. */
export interface ImageShape {
  readonly grid: Grid;
  readonly channels: number;
  /** Bytes of a stored voxel, unpacked. */
  readonly voxelBytes: number;
  /** Bytes of a voxel as it is held: 2 of whole numbers that stay such. */
  readonly heldBytes: 2 | 4;
  /** Bytes of a channel's file as it was uploaded; of a series, which is read slice by slice, of one slice. */
  readonly fileBytes: number;
  /** Files of a channel that are read one after the other: slices of a series, else 1. */
  readonly files: number;
  /** Bytes of slices that are read before their turn, where each read is a request over a network. @default 0 */
  readonly aheadBytes?: number;
}

/** What Publish writes besides the label map and the report. */
export interface PublishAsks {
  /** Labels whose probabilities are published. */
  readonly probabilities: number;
  /** Maps of where the network is unsure. */
  readonly maps: number;
  /** Bytes of a voxel of the label map. */
  readonly labelBytes: 1 | 2;
  /** Segments of a DICOM SEG; none of another source. */
  readonly segments: number;
  /** Whether surfaces are made. */
  readonly surfaces: boolean;
}

/** What Preprocess holds: reading, writing the image, turning, scaling and resampling, writing the network's input. */
export function preprocessPhases(image: ImageShape, manifest: PackageManifest): readonly MemoryPhase[] {
  const { grid, channels, voxelBytes, heldBytes: kept, fileBytes, files, aheadBytes = 0 } = image;
  const voxels = voxelCount(grid.size);
  const images = kept * voxels * channels;
  const isTurned = isNetwork(manifest) && !asksOthers(manifest);
  const input = (size: Size3) => 4 * voxelCount(size) * channels;
  const phases = [
    phase("read", {
      images,
      "uploaded file": fileBytes,
      "stored voxels": voxelBytes === kept ? 0 : voxelBytes * voxels,
      "slices before it": uncollected((files - 1) * fileBytes, fileBytes),
      "slices ahead of it": aheadBytes,
    }),
    phase("write the image", {
      images,
      "uploaded file": fileBytes,
      // Of numbers that are whole after all, and the same in 16 bits.
      "image's file": kept * voxels,
    }),
  ];
  if (!isTurned) {
    const asNumbers = channels === 1 && kept > 2 ? 0 : input(grid.size);
    return [...phases, phase("write the input", { images, "input and its file": asNumbers + input(grid.size) })];
  }
  const network = planNetworkGrid(grid, manifest);
  const { axes, flips } = network.reorientation;
  const isAsStored = axes.every((axis, n) => axis === n) && !flips.includes(true);
  // Whole numbers are looked up while they are resampled.
  const isByTable =
    kept === 2 && isCubic(network, manifest) && manifest.channels.every(({ normalisation }) => hasTable(normalisation));
  const scaled = isByTable ? 0 : 4 * voxelCount(network.box.size);
  const whole = isByTable ? images : 0;
  const resampling = resizeBytes(network, manifest.resampling.imageOrder);
  const found = input(network.size);
  return [
    ...phases,
    // Each channel is freed as soon as there is a copy of it.
    ...(isAsStored ? [] : [phase("turn", { images, "turned channel": kept * voxels, "uploaded file": fileBytes })]),
    phase("scale", {
      images,
      "scaled channel": scaled,
      "uploaded file": fileBytes,
      "foreground mask": manifest.channels.some(({ normalisation }) => needsForeground(normalisation)) ? voxels : 0,
    }),
    // What the next channels hold before the first, or what has become of those before the last.
    phase("resample", {
      "other channels": ((channels - 1) * Math.max(images, found)) / channels,
      "channel as it is": whole / channels,
      "scaled channel": scaled,
      resampling,
    }),
    phase("write the input", {
      "network's input": found,
      "input's file": found,
      "one after another": channels > 1 ? found : 0,
      "passes of resampling": resampling,
    }),
  ];
}

/** What Publish holds: the report's pictures, a DICOM SEG, probabilities. */
export function publishPhases({ grid, heldBytes: kept }: ImageShape, asks: PublishAsks): readonly MemoryPhase[] {
  const voxels = voxelCount(grid.size);
  const labels = asks.labelBytes * voxels;
  const maps = 4 * asks.maps * voxels;
  // A segment has a frame where its label is; that is everywhere at most.
  const seg = Math.ceil((asks.segments * voxels) / 8);
  const segFiles = asks.segments > 0 ? seg : 0;
  const probabilities = asks.probabilities * voxels;
  return [
    phase("label map", { labels, "their file": labels, maps }),
    ...(asks.segments > 0 ? [phase("segmentation", { labels, maps, "frames and their file": 2 * segFiles })] : []),
    ...(asks.probabilities > 0
      ? [
          phase("probabilities", {
            labels,
            maps,
            "as numbers": 4 * probabilities,
            "as they are kept, packed and read back": 9 * probabilities,
          }),
        ]
      : []),
    ...(asks.surfaces ? [phase("surfaces", { labels, maps, surfaces: 8 * voxels })] : []),
    phase("pictures", {
      labels,
      maps,
      segmentation: segFiles,
      "image's file": kept * voxels,
      image: kept * voxels,
    }),
  ];
}

/**
 * Double-precision passes along the axes, those that shrink most first and an axis apart last, none collected yet, and the
 * result. Of cubic splines there is no volume between x and y, and the last pass gives the result.
 */
function resizeBytes({ box, size: to, steps, separate }: NetworkGrid, order: 0 | 1 | 3): number {
  const from = box.size;
  const result = 4 * voxelCount(to);
  const axes = ([0, 1, 2] as const).filter((axis) => from[axis] !== to[axis]);
  if (axes.length === 0 || steps !== null) return axes.length === 0 ? 0 : result;
  const last = separate.image;
  const shrinks = (axis: 0 | 1 | 2) => (axis === last ? Number.POSITIVE_INFINITY : to[axis] / from[axis]);
  axes.sort((a, b) => shrinks(a) - shrinks(b));
  const size: [number, number, number] = [...from];
  let bytes = result;
  for (const [n, axis] of axes.entries()) {
    size[axis] = to[axis];
    const next = axes[n + 1];
    const isFused = order === 3 && (next === undefined ? last === null : next !== last && axis !== 2 && next !== 2);
    if (!isFused) bytes += 8 * voxelCount(size);
  }
  return bytes;
}
