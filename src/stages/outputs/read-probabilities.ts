import { pasteBox } from "#src/imaging/crop.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import type { StageWork } from "#src/stages/stage.js";
import { readProbability } from "#src/stages/volume-files.js";
import { probabilitiesFile } from "#src/storage/keys.js";

/**
 * The network's probabilities on the whole source grid, by label, as the segment stage kept them: in steps of 1 / 65535,
 * and 0 outside the box in which anything but background is likely (docs/formats.md).
 */
export async function readProbabilities(work: StageWork, grid: Grid): Promise<Map<number, Float32Array>> {
  const byLabel = new Map<number, Float32Array>();
  for (const { value } of work.model.manifest.labels) {
    const file = probabilitiesFile(value);
    if (!work.has("segment", file)) {
      byLabel.set(value, new Float32Array(voxelCount(grid.size)));
      continue;
    }
    const { box, data } = readProbability(await work.read("segment", file), grid);
    byLabel.set(value, pasteBox(data, box, grid.size, 0));
  }
  return byLabel;
}
