import { PipelineError } from "#src/core/errors.js";
import type { Grid } from "#src/imaging/volume.js";
import { isClassical, type PackageManifest } from "#src/model/classical-manifest.js";
import { givesProbabilities } from "#src/model/classical-method.js";
import { proveProbabilities } from "#src/stages/proof/prove-nifti.js";
import { probabilitiesFileOf } from "#src/stages/volume-files.js";
import { RESULT_FILES } from "#src/storage/keys.js";
import type { MadeFile } from "./made-file.js";

/**
 * Sees to it, before anything runs, that a model says how probable its labels are.
 *
 * @throws {PipelineError} `InputMismatch` for a method that gives labels alone
 */
export function assertGivesProbabilities(manifest: PackageManifest): void {
  if (!isClassical(manifest) || givesProbabilities(manifest.classical)) return;
  const found = `${manifest.id} gives labels alone (${manifest.classical.kind})`;
  throw new PipelineError("InputMismatch", `probabilities were asked for, but ${found}, expected another model`);
}

/** Probabilities as NIfTI: labels along the fourth axis, in the manifest's order. */
export function probabilitiesOutput(byLabel: ReadonlyMap<number, Float32Array>, grid: Grid): MadeFile {
  const bytes = probabilitiesFileOf([...byLabel.values()], grid);
  proveProbabilities(bytes, [...byLabel.values()], grid);
  return { name: RESULT_FILES.probabilities, bytes, contentType: "application/gzip" };
}
