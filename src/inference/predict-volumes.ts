import type { Size3 } from "#src/imaging/affine.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { isNetwork, type PackageManifest } from "#src/model/classical-manifest.js";
import { asksOthers } from "#src/model/manifest.js";
import { type MemoryPhase, phase, uncollected } from "./memory-terms.js";
import { planNetworkGrid } from "./network-grid.js";

/** An image as its headers describe it. */
export interface ImageShape {
  readonly grid: Grid;
  readonly channels: number;
  /** Bytes of a stored voxel, unpacked. */
  readonly voxelBytes: number;
  /** Bytes of a channel's file as it was uploaded; of a series, which is read slice by slice, of one slice. */
  readonly fileBytes: number;
  /** Files of a channel that are read one after the other: slices of a series, else 1. */
  readonly files: number;
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

/** What Preprocess holds: reading, turning and resampling, writing. */
export function preprocessPhases(image: ImageShape, manifest: PackageManifest): readonly MemoryPhase[] {
  const { grid, channels, voxelBytes, fileBytes, files } = image;
  const voxels = voxelCount(grid.size);
  const images = 4 * voxels * channels;
  const stored = voxelBytes * voxels;
  const kept = voxelBytes > 2 ? 4 : 2;
  const isTurned = isNetwork(manifest) && !asksOthers(manifest);
  const network = isTurned ? planNetworkGrid(grid, manifest) : { size: grid.size, box: { size: grid.size } };
  const input = 4 * voxelCount(network.size) * channels;
  // What is not resampled is the network's input itself.
  const isResized = network.size.join() !== network.box.size.join();
  const turned = isTurned ? 2 * images : 0;
  return [
    phase("read", { images, "uploaded file": fileBytes, "stored voxels": stored }),
    ...(isTurned
      ? [
          phase("to the network's grid", {
            images,
            "turned and cut": turned,
            resampling: resizeBytes(network.box.size, network.size),
            "what was read": fileBytes + stored,
            "slices before it": uncollected((files - 1) * fileBytes, fileBytes),
          }),
        ]
      : []),
    phase("write the image", {
      ...{ images, "network's input": isResized ? input : 0, "turned and cut": turned },
      "what was read": isTurned ? 0 : fileBytes + stored,
      // Not compressed: what comes of the packer, and that in one piece, are as large as the file.
      "image's file, plain and packed": 3 * kept * voxels,
      "voxels as they are kept": kept === 2 ? 2 * voxels : 0,
    }),
    phase("write the input", {
      ...{ images, "network's input": isResized ? input : 0, "turned and cut": turned },
      "what was read": isTurned ? 0 : fileBytes + stored,
      "input's file and what it is made of": 2 * input,
    }),
  ];
}

/** What Publish holds: the report's pictures, a DICOM SEG, probabilities. */
export function publishPhases({ grid, voxelBytes }: ImageShape, asks: PublishAsks): readonly MemoryPhase[] {
  const voxels = voxelCount(grid.size);
  const kept = voxelBytes > 2 ? 4 : 2;
  const labels = asks.labelBytes * voxels;
  const maps = 4 * asks.maps * voxels;
  // A segment has a frame where its label is; that is everywhere at most.
  const seg = Math.ceil((asks.segments * voxels) / 8);
  const segFiles = asks.segments > 0 ? seg : 0;
  const probabilities = asks.probabilities * voxels;
  return [
    phase("label map", { labels, "file, plain and packed": labels, maps }),
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
      "image as it is kept": kept * voxels,
      image: 4 * voxels,
    }),
  ];
}

/** Double-precision passes along the axes, those that shrink most first, none collected yet, and the result. */
function resizeBytes(from: Size3, to: Size3): number {
  const axes = [0, 1, 2].filter((axis) => from[axis] !== to[axis]);
  axes.sort((a, b) => (to[a] ?? 1) / (from[a] ?? 1) - (to[b] ?? 1) / (from[b] ?? 1));
  const size = [...from];
  let bytes = 0;
  for (const axis of axes) {
    size[axis] = to[axis] ?? 1;
    bytes += 8 * size.reduce((product, length) => product * length, 1);
  }
  return bytes + (axes.length > 0 ? 4 * voxelCount(to) : 0);
}
