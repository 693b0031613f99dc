import type { Grid } from "#src/imaging/volume.js";
import { proveProbabilities } from "#src/stages/proof/prove-nifti.js";
import { probabilitiesFileOf } from "#src/stages/volume-files.js";
import { RESULT_FILES } from "#src/storage/keys.js";
import type { MadeFile } from "./made-file.js";

/** Probabilities as NIfTI: labels along the fourth axis, in the manifest's order. */
export function probabilitiesOutput(byLabel: ReadonlyMap<number, Float32Array>, grid: Grid): MadeFile {
  const bytes = probabilitiesFileOf([...byLabel.values()], grid);
  proveProbabilities(bytes, [...byLabel.values()], grid);
  return { name: RESULT_FILES.probabilities, bytes, contentType: "application/gzip" };
}
