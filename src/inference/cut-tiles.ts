import type { Size3 } from "#src/imaging/affine.js";
import { shiftedTileStarts, tileStarts } from "#src/imaging/tiles.js";
import type { ModelManifest } from "#src/model/manifest.js";

/** A 2-D network is fed this many slices at once; a 3-D tile fills the cores on its own. */
export const SLICES_A_BATCH = 8;

/** Tiles that a network is fed with at once, at most. */
export function tilesABatch({ dimensions, batch }: ModelManifest["network"]): number {
  return dimensions === 2 ? (batch ?? SLICES_A_BATCH) : 1;
}

/** First voxels of all tiles of a (padded) volume, put together as a network is fed with them. */
export function tileBatches(size: Size3, manifest: Pick<ModelManifest, "tiles" | "network">): Size3[][] {
  const starts = tilePositions(size, manifest);
  const length = tilesABatch(manifest.network);
  return Array.from({ length: Math.ceil(starts.length / length) }, (_, n) =>
    starts.slice(n * length, (n + 1) * length),
  );
}

/** First voxels of all tiles, x fastest. Tiles of a 2-D network overlap within a slice alone: each slice comes once. */
function tilePositions(size: Size3, { tiles, network }: Pick<ModelManifest, "tiles" | "network">): Size3[] {
  const { patchVox, stepFraction, placing } = tiles;
  const startsOf = placing === "shifted" ? shiftedTileStarts : tileStarts;
  const step = (axis: number) => (axis === 2 && network.dimensions === 2 ? 1 : stepFraction);
  const [xs, ys, zs] = [0, 1, 2].map((axis) => startsOf(size[axis] ?? 1, patchVox[axis] ?? 1, step(axis)));
  return (zs ?? []).flatMap((z) => (ys ?? []).flatMap((y) => (xs ?? []).map((x): Size3 => [x, y, z])));
}

/** Tiles as one array [tile, channel, z, y, x], or, with neighbouring slices, [tile, channel, neighbour, y, x]. */
export function cutTiles(
  channels: readonly Float32Array[],
  size: Size3,
  patch: Size3,
  starts: readonly Size3[],
  slices: number,
): Float32Array {
  const [px, py] = patch;
  const depth = slices === 1 ? patch[2] : slices;
  const before = (slices - 1) / 2;
  const out = new Float32Array(starts.length * channels.length * px * py * depth);
  let to = 0;
  for (const [sx, sy, sz] of starts) {
    for (const channel of channels) {
      for (let n = 0; n < depth; n++) {
        const z = Math.min(size[2] - 1, Math.max(0, sz + n - before));
        for (let y = 0; y < py; y++) {
          const from = sx + size[0] * (sy + y + size[1] * z);
          out.set(channel.subarray(from, from + px), to);
          to += px;
        }
      }
    }
  }
  return out;
}
