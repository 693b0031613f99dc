import { PipelineError } from "#src/core/errors.js";
import type { Grid } from "#src/imaging/volume.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import type { SessionsOf } from "./model-sessions.js";
import { segmentImage } from "./segment-image.js";

/** How a model's answer to its golden case compares with that of its reference. */
export interface GoldenResult {
  readonly voxels: number;
  readonly differing: number;
  /** Largest share that may differ, and where that comes from, as the manifest says. */
  readonly tolerance: number;
  readonly passed: boolean;
}

/**
 * Runs a model on its golden input and counts voxels whose label is not the reference's.
 *
 * @param channels the golden input, one array a channel on `grid`
 * @param expected the reference's labels on the same grid
 * @throws {PipelineError} `ModelInvalid` when the golden has no foreground: nothing would be proved by it
 */
export async function runGolden(
  model: ModelPackage,
  { id, golden: { tolerance } }: Pick<ModelManifest, "id" | "golden">,
  sessionsOf: SessionsOf,
  channels: readonly Float32Array[],
  grid: Grid,
  expected: ArrayLike<number>,
): Promise<GoldenResult> {
  const { labels } = await segmentImage({ grid, channels }, model, { sessionsOf });
  let differing = 0;
  let foreground = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== expected[i]) differing++;
    if (expected[i] !== 0) foreground++;
  }
  if (foreground === 0 || expected.length !== labels.length) {
    const found = `${foreground} labelled voxels of ${expected.length}`;
    throw new PipelineError("ModelInvalid", `golden of ${id} has ${found}, expected some of ${labels.length}`);
  }
  return { voxels: labels.length, differing, tolerance, passed: differing / labels.length <= tolerance };
}
