import { z } from "zod";
import { SCHEMA_VERSION } from "#src/core/versions.js";

/**
 * `cost.json` of a package: what only a measurement of its network can know. It decides no result and is no part of the
 * package's digest.
 */
export const MeasuredCost = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  /** Digest of the network that was measured; of another one it says nothing. */
  network: z.string().regex(/^[0-9a-f]{64}$/),
  /** Tensor of one run: a batch of tiles, [N, C, (Z,) Y, X]. */
  shape: z.array(z.int().min(1)).min(4).max(5),
  /** What an opened session holds. */
  loadedMiB: z.number().min(0),
  /** What its first run takes besides, with the answer: logits, or features. */
  runMiB: z.number().min(0),
  /** Channels of the features that a run gives, where logits are made from them slab by slab (`src/inference/head-slabs.ts`). */
  features: z.int().min(1).optional(),
  /** Threads of each run, where there are several (`src/inference/run-threads.ts`). */
  threads: z.int().min(2).optional(),
  /** Processor's seconds of the shortest of several runs, of all its threads. */
  secondsARun: z.number().positive().optional(),
  machine: z.string(),
});
export type MeasuredCost = z.infer<typeof MeasuredCost>;
