import { PipelineError } from "#src/core/errors.js";
import type { EnsembleManifest } from "#src/model/ensemble-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { activated } from "./activated.js";
import { EnsembleMean } from "./ensemble-mean.js";
import type { NetworkGrid } from "./network-grid.js";
import type { NetworkSession } from "./network-session.js";
import { type NetworkInput, type OnTiles, predictLogits } from "./predict-logits.js";
import type { SegmentOptions } from "./segment-input.js";
import { type Segmentation, SourceGridExport } from "./to-source-grid.js";

/** A member of an ensemble, ready to run. */
export interface PreparedMember {
  readonly manifest: ModelManifest;
  readonly weight: number;
  readonly grid: NetworkGrid;
  readonly input: NetworkInput;
  /** Loads its networks; those of the member before may be closed by it. */
  readonly sessions: () => Promise<readonly NetworkSession[]>;
}

/**
 * Labels by the mean of the probabilities that several networks give on one grid of their own, brought to the source's
 * grid afterwards.
 *
 * @throws {PipelineError} `ModelInvalid` when their grids are not the same; as `predictLogits`
 */
export async function segmentOnNetworkGrid(
  members: AsyncIterable<PreparedMember>,
  { id, ensemble }: Pick<EnsembleManifest, "id" | "ensemble">,
  { wanted = [], maps = [], onTiles }: SegmentOptions = {},
): Promise<Segmentation> {
  let first: PreparedMember | null = null;
  let mean: EnsembleMean | null = null;
  for await (const member of members) {
    first ??= member;
    if (gridKey(member.grid) !== gridKey(first.grid)) {
      const [found, expected] = [member.grid.size.join(" x "), first.grid.size.join(" x ")];
      const names = `members ${first.manifest.id} and ${member.manifest.id} of ${id}`;
      throw new PipelineError("ModelInvalid", `${names} work on other grids (${expected}, ${found}), expected one`);
    }
    const { size } = member.grid;
    const kind = member.manifest.activation === "softmax" ? "softmax" : "regions";
    mean ??= new EnsembleMean(size, member.manifest.network.classes, kind, maps);
    const [sum, area] = [mean, size[0] * size[1]];
    const onSlice = (z: number, logits: readonly Float32Array[]) =>
      sum.add(activated(logits, kind), member.weight, z * area);
    await predictLogits(member.input, member.manifest, await member.sessions(), onSlice, onTiles);
  }
  if (first === null || mean === null) throw new RangeError("an ensemble has at least one member");
  mean.divide(totalOf(ensemble));
  const toSource = new SourceGridExport(first.grid, first.manifest, wanted, "probabilities", maps);
  const [nx, ny, nz] = first.grid.size;
  for (let z = 0; z < nz; z++) toSource.addSlice(z, mean.slice(z));
  const disagreement = mean.disagreement();
  for (let z = 0; disagreement !== null && z < nz; z++) {
    toSource.addDisagreement(z, disagreement.subarray(z * nx * ny, (z + 1) * nx * ny));
  }
  return toSource.finish();
}

/** Sum of the weights of an ensemble. */
export function totalOf({ members }: EnsembleManifest["ensemble"]): number {
  return members.reduce((sum, { weight }) => sum + weight, 0);
}

/** Gives away a network's probabilities on the source grid, channel by channel. */
export async function addOnSourceGrid(
  { manifest, grid, input, sessions }: Omit<PreparedMember, "weight">,
  add: (channel: number, values: Float32Array) => void,
  onTiles?: OnTiles,
): Promise<void> {
  const toSource = new SourceGridExport(grid, manifest, [1]);
  await predictLogits(input, manifest, await sessions(), (z, slice) => toSource.addSlice(z, slice), onTiles);
  for (let c = 0; c < manifest.network.classes; c++) add(c, toSource.channel(c));
}

/** Everything in which two grids of networks can differ. */
function gridKey({ size, box, affineRas, reorientation, steps }: NetworkGrid): string {
  return JSON.stringify([size, box, affineRas, reorientation.axes, reorientation.flips, steps]);
}
