import { PipelineError } from "#src/core/errors.js";
import { composeAffine } from "#src/imaging/affine.js";
import { type Box, cropBox, pasteBox } from "#src/imaging/crop.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { isClassical } from "#src/model/classical-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import type { SessionsOf } from "./model-sessions.js";
import { toNetworkGrid } from "./network-grid.js";
import { regionBox } from "./region-box.js";
import { type SegmentOptions, segmentInput } from "./segment-input.js";
import type { Segmentation } from "./to-source-grid.js";

/** An image on its own grid. */
interface SourceImage {
  readonly grid: Grid;
  /** One array a channel, x fastest. */
  readonly channels: readonly Float32Array[];
}

type Options = SegmentOptions & { readonly sessionsOf: SessionsOf };

/**
 * Labels of an image by a model and all those that it asks: where a region is found first, inside its box; after a
 * previous stage, with that stage's labels as further channels. Postprocess steps of the models that are asked do not
 * run.
 *
 * @throws {PipelineError} as `toNetworkGrid`, `regionBox` and `predictLogits`
 */
export async function segmentImage(image: SourceImage, model: ModelPackage, options: Options): Promise<Segmentation> {
  const { manifest } = model;
  if (isClassical(manifest)) {
    throw new PipelineError("ContractViolation", `model ${manifest.id} is a classical method, not a network`);
  }
  const { region } = manifest;
  if (region === undefined) return segmentWhole(image, model, manifest, options);

  const { labels } = await ask(region.model, image, model, options);
  const { grid, channels } = image;
  const box = regionBox(labels, grid, region.labels, region.marginMm);
  if (box === null) return { labels: nothing(manifest, grid), probabilities: null };
  const [x, y, z] = box.start;
  const part: SourceImage = {
    grid: { ...grid, size: box.size, affineRas: composeAffine(grid.affineRas, [1, 0, 0, x, 0, 1, 0, y, 0, 0, 1, z]) },
    channels: channels.map((channel) => cropBox(channel, grid.size, box)),
  };
  const found = await segmentWhole(part, model, manifest, options);
  return {
    labels: pasteBox(found.labels, box, grid.size),
    probabilities: found.probabilities && { ...found.probabilities, box: within(box, found.probabilities.box) },
  };
}

async function segmentWhole(
  image: SourceImage,
  model: ModelPackage,
  manifest: ModelManifest,
  options: Options,
): Promise<Segmentation> {
  const { previous } = manifest;
  const before = previous && (await ask(previous.model, image, model, options)).labels;
  const { input, grid } = toNetworkGrid(image.channels, image.grid, manifest, before);
  return segmentInput(input, grid, manifest, await options.sessionsOf(model), options);
}

/** Labels of a model that another one asks. */
async function ask(
  id: string,
  image: SourceImage,
  { manifest, others }: ModelPackage,
  { sessionsOf, onTiles }: Options,
): Promise<Segmentation> {
  const other = others.get(id);
  if (other === undefined) {
    throw new PipelineError("ModelInvalid", `model ${manifest.id} asks model ${id}, which is not there`);
  }
  return segmentImage(image, other, { sessionsOf, ...(onTiles && { onTiles }) });
}

/** A label map without labels, of the kind that the model would give. */
function nothing({ network, activation }: ModelManifest, { size }: Grid): Uint8Array | Uint16Array {
  const largest = activation === "softmax" ? network.classes - 1 : Math.max(...activation.regions);
  return largest < 256 ? new Uint8Array(voxelCount(size)) : new Uint16Array(voxelCount(size));
}

/** A box that is given inside another one, in the voxels of the whole. */
function within({ start }: Box, inner: Box): Box {
  const [x, y, z] = inner.start;
  return { ...inner, start: [start[0] + x, start[1] + y, start[2] + z] };
}
