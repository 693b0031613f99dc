import { PipelineError } from "#src/core/errors.js";
import { UNCERTAINTY_MAPS, type UncertaintyMap } from "#src/core/uncertainty-maps.js";
import type { Grid } from "#src/imaging/volume.js";
import { isClassical, isNetwork, type PackageManifest } from "#src/model/classical-manifest.js";
import { proveUncertainty } from "#src/stages/proof/prove-nifti.js";
import type { StageWork } from "#src/stages/stage.js";
import { RESULT_FILES, STAGE_FILES } from "#src/storage/keys.js";
import type { ExtraOutput, ResultDocument } from "#src/workflow/contract.js";
import type { MadeFile } from "./made-file.js";

/** Values above which a voxel counts as unsure in the scores. A mark to compare scans by; nothing is decided by it. */
const UNSURE_ABOVE = { uncertainty: 0.5, disagreement: 0.1 } as const;

type Structure = ResultDocument["structures"][number];
/** The maps' scores of one structure. */
type MapScores = Pick<Structure, UncertaintyMap>;

/** The maps among the outputs that were asked for. */
export function mapsAsked(outputs: readonly ExtraOutput[]): UncertaintyMap[] {
  return UNCERTAINTY_MAPS.filter((map) => outputs.includes(map));
}

/**
 * Sees to it, before anything runs, that a model can say how unsure it is.
 *
 * @throws {PipelineError} `InputMismatch` for a method without a network, and for the disagreement of a single answer
 */
export function assertMapsPossible(manifest: PackageManifest, outputs: readonly ExtraOutput[]): void {
  const [first] = mapsAsked(outputs);
  if (first === undefined) return;
  if (isClassical(manifest)) {
    const found = `${manifest.id} is a classical method (${manifest.classical.kind})`;
    throw new PipelineError("InputMismatch", `${first} was asked for, but ${found}, expected a network`);
  }
  if (!outputs.includes("disagreement") || !isNetwork(manifest)) return;
  if (manifest.network.folds.length > 0 || manifest.mirrorAxes.length > 0) return;
  throw new PipelineError(
    "InputMismatch",
    `disagreement was asked for, but ${manifest.id} is one network without mirroring, expected at least two answers (folds, members of an ensemble, or mirror axes)`,
  );
}

/** A map as it was made and proven. */
interface MadeMap {
  readonly map: UncertaintyMap;
  readonly file: MadeFile;
  readonly values: ArrayLike<number>;
}

/**
 * The maps that were asked for, as Segment wrote them.
 *
 * @throws {PipelineError} `ResultInvalid` when one does not lie on the label map's grid or leaves its range
 */
export async function uncertaintyOutputs(work: StageWork, grid: Grid): Promise<MadeMap[]> {
  const made: MadeMap[] = [];
  for (const map of mapsAsked(work.task.outputs)) {
    const bytes = await work.read("segment", STAGE_FILES[map]);
    const values = proveUncertainty(bytes, grid, map);
    made.push({ map, values, file: { name: RESULT_FILES[map], bytes, contentType: "application/gzip" } });
  }
  return made;
}

/**
 * Scores of each structure by each map: the mean over its voxels, and the share of them above a mark.
 *
 * @param labels the final label map, after all steps
 * @param largest largest label
 * @returns scores by label
 */
export function uncertaintyScores(
  maps: readonly Pick<MadeMap, "map" | "values">[],
  labels: Uint8Array | Uint16Array,
  largest: number,
): readonly MapScores[] {
  const scores: MapScores[] = Array.from({ length: largest + 1 }, () => ({}));
  for (const { map, values } of maps) {
    const above = UNSURE_ABOVE[map];
    const voxels = new Float64Array(largest + 1);
    const sums = new Float64Array(largest + 1);
    const unsure = new Float64Array(largest + 1);
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i] ?? 0;
      const value = values[i] ?? 0;
      voxels[label] = (voxels[label] ?? 0) + 1;
      sums[label] = (sums[label] ?? 0) + value;
      if (value > above) unsure[label] = (unsure[label] ?? 0) + 1;
    }
    for (const [label, score] of scores.entries()) {
      const count = voxels[label] ?? 0;
      const mean = (sums[label] ?? 0) / count;
      const share = (unsure[label] ?? 0) / count;
      score[map] = count === 0 ? null : { mean: rounded(mean), share: rounded(share), above };
    }
  }
  return scores;
}

/** To a ten-thousandth. */
function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
