import { PipelineError } from "#src/core/errors.js";
import type { Size3 } from "#src/imaging/affine.js";
import { type Flips, mirrorSubsets, mirrorTiles } from "#src/imaging/mirror.js";
import { type Padding, pad, planPadding } from "#src/imaging/pad.js";
import { constantTileWeights, gaussianTileWeights, symmetricGaussianTileWeights } from "#src/imaging/tiles.js";
import { voxelCount } from "#src/imaging/volume.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { AnswerSpread } from "./answer-spread.js";
import { cutTiles, tileBatches } from "./cut-tiles.js";
import { FoldMean, type OnSlice } from "./fold-mean.js";
import { inOrder } from "./in-order.js";
import type { Answer, NetworkSession, Tensor } from "./network-session.js";
import { PassMean } from "./pass-mean.js";
import { RunPlaces } from "./run-places.js";
import { type Slab, wholeTile } from "./slab.js";
import { TileFront } from "./tile-front.js";

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
 *   shape than the manifest says, for values that are not finite and for sums beyond the manifest's precision,
 *   `MemoryInsufficient` when there is no memory for the sums
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

  const weights = WEIGHTS[blending](patchVox);
  const { precision } = manifest;
  const slice = { area: padding.size[0] * padding.size[1], classes, precision };
  const mean = new FoldMean(sessions.length, slice, withoutPadding(input.size, padding, onSlice));
  const fronts = sessions.map(
    (_, fold) =>
      new TileFront({ size: padding.size, patch: patchVox, classes, weights, precision }, (z, slices) =>
        mean.add(fold, z, slices),
      ),
  );
  const slices = manifest.network.slices ?? 1;
  const inputs = channels.length * slices;
  const passes = mirrorSubsets(manifest.mirrorAxes);
  const spread =
    onDisagreement &&
    spreadOf(
      manifest,
      { size: padding.size, weights, answers: sessions.length * passes.length },
      withoutPadding(input.size, padding, onFirst(onDisagreement)),
    );

  const batches = tileBatches(padding.size, manifest);
  const runs = new RunPlaces(sessions, batches.length * sessions.length * passes.length);
  const jobs = function* (): Generator<() => Promise<Answer>> {
    for (const batch of batches) {
      const cut = cutTiles(channels, padding.size, patchVox, batch, slices);
      for (const session of sessions) {
        for (const axes of passes) {
          yield () => runMirrored(cut, [batch.length, inputs], axes, manifest, (input) => runs.run(session, input));
        }
      }
    }
  };
  // Answers come in the order of the jobs, however many are under way: sums do not hang on their number.
  const answers = inOrder(jobs(), () => runs.width);
  const tiles = batches.reduce((sum, { length }) => sum + length, 0);
  let done = 0;
  try {
    for (const batch of batches) {
      for (const front of fronts) {
        const of = { count: passes.length, patch: patchVox, tiles: batch.length, classes };
        const sum = new PassMean(of, spread?.add);
        for (const axes of passes) {
          const { value: answer } = await answers.next();
          if (answer === undefined) throw new RangeError("a pass over a batch of tiles gave no answer");
          await sum.add(answer, flipsOf(axes));
        }
        for await (const slab of sum.slabs()) {
          if (!front.add(batch[slab.tile] as Size3, slab)) throw notFinite();
        }
      }
      assertInRange([...fronts, mean], manifest);
      spread?.take(batch);
      done += batch.length;
      onTiles(done, tiles);
    }
  } finally {
    // What is under way may use a session until it ends.
    await answers.return(undefined);
  }
  for (const front of fronts) front.finish();
  assertInRange([...fronts, mean], manifest);
  spread?.finish();
}

function onFirst(onDisagreement: OnDisagreement): OnSlice {
  return (z, [values]) => onDisagreement(z, values ?? new Float32Array());
}

/** Collects what all networks and mirrored passes say of a batch of tiles, and blends how far they disagree. */
function spreadOf(
  { tiles: { patchVox: patch }, network: { classes }, activation }: ModelManifest,
  { size, weights, answers }: { readonly size: Size3; readonly weights: Float32Array; readonly answers: number },
  onSlice: OnSlice,
) {
  const kind = activation === "softmax" ? "softmax" : "regions";
  const [tile, area] = [voxelCount(patch), patch[0] * patch[1]];
  const spreads: AnswerSpread[] = [];
  const front = new TileFront({ size, patch, classes: 1, weights, precision: "float32" }, onSlice);
  return {
    /** What one pass of one network says of some slices. */
    add: ({ tile: n, first, slices, ...logits }: Slab): void => {
      spreads[n] ??= new AnswerSpread(classes, kind, tile);
      spreads[n]?.add({ ...logits, first: first * area, count: slices * area });
    },
    take: (starts: readonly Size3[]): void => {
      for (const [n, start] of starts.entries()) {
        front.add(start, wholeTile(spreads[n]?.take(answers) ?? new Float32Array(tile), patch, 1));
      }
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

/** One pass over a batch of tiles, mirrored along some axes: [tile, class or feature, z, y, x], not yet turned back. */
async function runMirrored(
  tiles: Float32Array,
  [count, inputs]: readonly [number, number],
  axes: readonly Axis[],
  { tiles: { patchVox: patch }, network: { classes, dimensions } }: ModelManifest,
  run: (input: Tensor) => Promise<Answer>,
): Promise<Answer> {
  const spatial = dimensions === 2 ? [patch[1], patch[0]] : [patch[2], patch[1], patch[0]];
  const data = axes.length === 0 ? tiles : mirrorTiles(tiles, patch, count * inputs, flipsOf(axes));
  const answer = await run({ data, shape: [count, inputs, ...spatial] });
  const [n = 0, made = 0, ...size] = answer.shape;
  assertShape([n, answer.head?.classes ?? made, ...size], [count, classes, ...spatial]);
  return answer;
}

type Axis = "x" | "y" | "z";
function flipsOf(axes: readonly Axis[]): Flips {
  return [axes.includes("x"), axes.includes("y"), axes.includes("z")];
}

function assertShape(shape: readonly number[], expected: readonly number[]): void {
  if (shape.join() === expected.join()) return;
  throw new PipelineError(
    "InferenceFailed",
    `network gave ${shape.join(" x ")}, its manifest expects ${expected.join(" x ")}`,
  );
}

/** nnU-Net aborts at such sums, too ("Encountered inf in predicted array"). */
function assertInRange(sums: readonly (TileFront | FoldMean)[], { precision }: ModelManifest): void {
  if (sums.every(({ areMeansFinite }) => areMeansFinite)) return;
  const range = precision === "float16" ? "half precision (65,504)" : "single precision";
  throw new PipelineError("InferenceFailed", `sums of the network's logits go beyond ${range}, expected finite sums`);
}

function notFinite(): PipelineError {
  return new PipelineError("InferenceFailed", "network gave values that are not finite, expected finite logits");
}
