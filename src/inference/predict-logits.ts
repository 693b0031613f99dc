import { PipelineError } from "#src/core/errors.js";
import type { Size3 } from "#src/imaging/affine.js";
import { AnswerSpread } from "#src/imaging/answer-spread.js";
import { FoldMean } from "#src/imaging/fold-mean.js";
import { mirrorSubsets, mirrorTiles } from "#src/imaging/mirror.js";
import { type Padding, pad, planPadding } from "#src/imaging/pad.js";
import { type OnSlice, TileFront } from "#src/imaging/tile-front.js";
import {
  constantTileWeights,
  gaussianTileWeights,
  shiftedTileStarts,
  symmetricGaussianTileWeights,
  tileStarts,
} from "#src/imaging/tiles.js";
import { voxelCount } from "#src/imaging/volume.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { NetworkSession } from "./network-session.js";

/** A network's input on its own grid. */
export interface NetworkInput {
  readonly size: Size3;
  /** One array a channel, x fastest. */
  readonly channels: readonly Float32Array[];
}

/** Called after every batch of tiles. */
export type OnTiles = (done: number, of: number) => void;

const WEIGHTS = {
  gaussian: gaussianTileWeights,
  "gaussian-symmetric": symmetricGaussianTileWeights,
  constant: constantTileWeights,
} as const;

/** Called with each slice of the disagreement, on the input's grid; valid until the call ends. */
export type OnDisagreement = (z: number, values: Float32Array) => void;

/** A 2-D network is fed this many slices at once; a 3-D tile fills the cores on its own. */
const SLICES_A_BATCH = 8;

/**
 * Logits of a whole volume by overlapping tiles, given away slice by slice as the window passes: [classes] arrays on
 * the input's grid, valid until the call ends.
 *
 * Several networks (folds) are run side by side and their blended logits averaged, in the same precision.
 *
 * Tiles and weights as in nnU-Net (`sliding_window_prediction.py`): a volume smaller than the tile is padded with
 * zeros, tiles are spread evenly, logits (not probabilities) are averaged with Gaussian weights, mirrored passes are
 * averaged before that. Sums are kept in the manifest's `precision`: half as in nnU-Net, or single.
 *
 * Where the disagreement of folds and mirrored passes is asked for, it is taken in each tile and blended as the logits
 * are: what two tiles say of one voxel is no disagreement. That costs one channel more, and a tile of probabilities.
 *
 * @throws {PipelineError} `InputMismatch` for a wrong number of channels, `InferenceFailed` for an output of another
 *   shape than the manifest says or with values that are not finite
 */
export async function predictLogits(
  input: NetworkInput,
  manifest: ModelManifest,
  sessions: readonly NetworkSession[],
  onSlice: OnSlice,
  onTiles: OnTiles = () => {},
  onDisagreement: OnDisagreement | null = null,
): Promise<void> {
  const expected = manifest.channels.length + (manifest.previous?.labels.length ?? 0);
  if (input.channels.length !== expected) {
    throw new PipelineError(
      "InputMismatch",
      `input has ${input.channels.length} channels, ${manifest.id} expects ${expected}`,
    );
  }
  const { patchVox, blending, padding: border } = manifest.tiles;
  const classes = manifest.network.classes;
  const padding = planPadding(input.size, patchVox);
  const channels = input.channels.map((channel) => pad(channel, input.size, padding, border));

  const starts = tilePositions(padding.size, manifest);
  const weights = WEIGHTS[blending](patchVox);
  const { precision } = manifest;
  const mean = new FoldMean(sessions.length, precision, withoutPadding(input.size, padding, onSlice));
  const fronts = sessions.map(
    (_, fold) =>
      new TileFront({ size: padding.size, patch: patchVox, classes, weights, precision }, (z, slices) =>
        mean.add(fold, z, slices),
      ),
  );
  const tile = voxelCount(patchVox);
  const slices = manifest.network.slices ?? 1;
  const inputs = channels.length * slices;
  const batchSize = manifest.network.dimensions === 2 ? SLICES_A_BATCH : 1;
  const spread =
    onDisagreement &&
    spreadOf(manifest, { size: padding.size, weights }, withoutPadding(input.size, padding, onFirst(onDisagreement)));

  for (let first = 0; first < starts.length; first += batchSize) {
    const batch = starts.slice(first, first + batchSize);
    const tiles = cutTiles(channels, padding.size, patchVox, batch, slices);
    for (const [fold, session] of sessions.entries()) {
      const logits = await runMirrored(tiles, [batch.length, inputs], manifest, session, spread?.add);
      for (const [n, start] of batch.entries()) fronts[fold]?.add(start, logits, n * classes * tile);
    }
    spread?.take(batch);
    onTiles(first + batch.length, starts.length);
  }
  for (const front of fronts) front.finish();
  spread?.finish();
}

function onFirst(onDisagreement: OnDisagreement): OnSlice {
  return (z, [values]) => onDisagreement(z, values ?? new Float32Array());
}

/** Collects what all networks and mirrored passes say of a batch of tiles, and blends how far they disagree. */
function spreadOf(
  { tiles: { patchVox: patch }, network: { classes }, activation }: ModelManifest,
  { size, weights }: { readonly size: Size3; readonly weights: Float32Array },
  onSlice: OnSlice,
) {
  const kind = activation === "softmax" ? "softmax" : "regions";
  const tile = voxelCount(patch);
  const spreads: AnswerSpread[] = [];
  const front = new TileFront({ size, patch, classes: 1, weights, precision: "float32" }, onSlice);
  return {
    /** One pass of one network over the batch, [tile, class, z, y, x]. */
    add: (logits: Float32Array): void => {
      for (let n = 0; n * classes * tile < logits.length; n++) {
        spreads[n] ??= new AnswerSpread(classes, kind, tile);
        spreads[n]?.add(logits, n * classes * tile);
      }
    },
    take: (starts: readonly Size3[]): void => {
      for (const [n, start] of starts.entries()) front.add(start, spreads[n]?.take() ?? new Float32Array(tile), 0);
    },
    finish: (): void => front.finish(),
  };
}

/** Passes on what lies inside the volume before it was padded. */
function withoutPadding(size: Size3, padding: Padding, onSlice: OnSlice): OnSlice {
  const [bx, by, bz] = padding.before;
  if (padding.size.join() === size.join()) return onSlice;
  return (z, classes) => {
    if (z < bz || z >= bz + size[2]) return;
    const inside = classes.map((slice) => {
      const out = new Float32Array(size[0] * size[1]);
      for (let y = 0; y < size[1]; y++) {
        const from = bx + padding.size[0] * (by + y);
        out.set(slice.subarray(from, from + size[0]), y * size[0]);
      }
      return out;
    });
    onSlice(z - bz, inside);
  };
}

/** First voxels of all tiles, x fastest. Tiles of a 2-D network overlap within a slice alone: each slice comes once. */
function tilePositions(size: Size3, { tiles, network }: ModelManifest): Size3[] {
  const { patchVox, stepFraction, placing } = tiles;
  const startsOf = placing === "shifted" ? shiftedTileStarts : tileStarts;
  const step = (axis: number) => (axis === 2 && network.dimensions === 2 ? 1 : stepFraction);
  const [xs, ys, zs] = [0, 1, 2].map((axis) => startsOf(size[axis] ?? 1, patchVox[axis] ?? 1, step(axis)));
  return (zs ?? []).flatMap((z) => (ys ?? []).flatMap((y) => (xs ?? []).map((x): Size3 => [x, y, z])));
}

/** Tiles as one array [tile, channel, z, y, x], or, with neighbouring slices, [tile, channel, neighbour, y, x]. */
function cutTiles(
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

/** Mean of the logits over all mirrored passes, [tile, class, z, y, x]; of so many tiles with so many channels. */
async function runMirrored(
  tiles: Float32Array,
  [count, inputs]: readonly [number, number],
  manifest: ModelManifest,
  session: NetworkSession,
  onPass: (logits: Float32Array) => void = () => {},
): Promise<Float32Array> {
  const patch = manifest.tiles.patchVox;
  const classes = manifest.network.classes;
  const spatial = manifest.network.dimensions === 2 ? [patch[1], patch[0]] : [patch[2], patch[1], patch[0]];
  const passes = mirrorSubsets(manifest.mirrorAxes);

  let sum: Float32Array | null = null;
  for (const axes of passes) {
    const flips = [axes.includes("x"), axes.includes("y"), axes.includes("z")] as const;
    const data = axes.length === 0 ? tiles : mirrorTiles(tiles, patch, count * inputs, flips);
    const output = await session.run({ data, shape: [count, inputs, ...spatial] });
    assertOutput(output.data, output.shape, [count, classes, ...spatial]);
    const logits = axes.length === 0 ? output.data : mirrorTiles(output.data, patch, count * classes, flips);
    onPass(logits);
    if (sum === null) sum = logits;
    else for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (logits[i] as number);
  }
  const mean = sum ?? new Float32Array();
  if (passes.length > 1) for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] as number) / passes.length;
  return mean;
}

function assertOutput(data: Float32Array, shape: readonly number[], expected: readonly number[]): void {
  if (shape.join() !== expected.join()) {
    throw new PipelineError(
      "InferenceFailed",
      `network gave ${shape.join(" x ")}, its manifest expects ${expected.join(" x ")}`,
    );
  }
  // A sum is finite only if every term is: one pass without a branch for each value.
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += Math.abs(data[i] as number);
  if (!Number.isFinite(sum))
    throw new PipelineError("InferenceFailed", "network gave values that are not finite, expected finite logits");
}
