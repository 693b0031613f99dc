import type { UncertaintyMap } from "#src/core/uncertainty-maps.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { NetworkGrid } from "./network-grid.js";
import type { NetworkSession } from "./network-session.js";
import { type NetworkInput, type OnTiles, predictLogits } from "./predict-logits.js";
import { type Segmentation, SourceGridExport } from "./to-source-grid.js";

export interface SegmentOptions {
  /** Labels whose probabilities are needed. @default none */
  readonly wanted?: readonly number[];
  /** Maps that are needed. @default none */
  readonly maps?: readonly UncertaintyMap[];
  readonly onTiles?: OnTiles;
}

/**
 * Called while labels are being made: so many voxels of the map, from the first on, will not change any more. Not called
 * where labels have to be brought to the source's grid at the end.
 */
export type OnLabels = (labels: Uint8Array | Uint16Array, done: number) => void;

/**
 * Labels on the source grid from a network's input: tiles, and export behind the window front.
 *
 * @param grid as `toNetworkGrid` gave it with the input
 * @throws {PipelineError} as `predictLogits`
 */
export async function segmentInput(
  input: NetworkInput,
  grid: NetworkGrid,
  manifest: ModelManifest,
  sessions: readonly NetworkSession[],
  { wanted = [], maps = [], onTiles, onLabels }: SegmentOptions & { readonly onLabels?: OnLabels } = {},
): Promise<Segmentation> {
  const toSource = new SourceGridExport(grid, manifest, wanted, "logits", maps);
  const onDisagreement = (z: number, values: Float32Array) => toSource.addDisagreement(z, values);
  await predictLogits(
    input,
    manifest,
    sessions,
    (z, slice) => {
      toSource.addSlice(z, slice);
      const soFar = onLabels && toSource.labelsSoFar;
      if (soFar) onLabels(soFar.labels, soFar.done);
    },
    onTiles,
    maps.includes("disagreement") ? onDisagreement : null,
  );
  return toSource.finish();
}
