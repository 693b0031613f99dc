import { stat } from "node:fs/promises";
import { join } from "node:path";
import { flopsOf } from "#src/inference/network-cost.js";
import { profileOperators } from "#src/inference/ort-session.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import type { ModelLibrary, ModelPackage } from "#src/model/model-library.js";

/** What a model is, whatever it is run on. Those of other models that it asks are counted with it. */
export interface ModelFacts {
  readonly parameters: number;
  /** Bytes of its network files. */
  readonly bytes: number;
  /** Floating-point operations of one tile, one pass (`flopsOf`). */
  readonly flopsATile: number;
  /** Of its own network, [x, y, z]; null for a model without one. */
  readonly tile: readonly number[] | null;
}

/** @throws {PipelineError} `ModelInvalid`, `ModelDigestMismatch` */
export async function modelFacts(model: ModelPackage, library: ModelLibrary): Promise<ModelFacts> {
  const own = await ownFacts(model, library);
  const others = await Promise.all([...model.others.values()].map((other) => modelFacts(other, library)));
  const sum = (key: "parameters" | "bytes" | "flopsATile") =>
    others.reduce((total, facts) => total + facts[key], own[key]);
  return { parameters: sum("parameters"), bytes: sum("bytes"), flopsATile: sum("flopsATile"), tile: own.tile };
}

async function ownFacts(model: ModelPackage, library: ModelLibrary): Promise<ModelFacts> {
  const { manifest, folder } = model;
  if (!isNetwork(manifest)) return { parameters: 0, bytes: 0, flopsATile: 0, tile: null };
  const { network, tiles } = manifest;
  const [x, y, z] = tiles.patchVox;
  const channels = (manifest.channels.length + (manifest.previous?.labels.length ?? 0)) * (network.slices ?? 1);
  const shape = [1, channels, ...(network.dimensions === 2 ? [y, x] : [z, y, x])];
  const files = [network, ...network.folds];
  const sizes = await Promise.all(files.map(async ({ file }) => (await stat(join(folder, file))).size));
  // Members of an ensemble that was packaged as one model are networks of different kinds.
  let flopsATile = 0;
  for (const file of files) {
    flopsATile += flopsOf(await profileOperators(await library.network(model, file), network.inputName, shape));
  }
  return {
    parameters: network.parameters,
    bytes: sizes.reduce((total, size) => total + size, 0),
    flopsATile,
    tile: network.dimensions === 2 ? [x, y] : [x, y, z],
  };
}
