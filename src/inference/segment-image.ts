import { PipelineError } from "#src/core/errors.js";
import { composeAffine } from "#src/imaging/affine.js";
import { type Box, cropBox, pasteBox } from "#src/imaging/crop.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { isClassical, isNetwork } from "#src/model/classical-manifest.js";
import type { EnsembleManifest } from "#src/model/ensemble-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { EnsembleMean } from "./ensemble-mean.js";
import type { SessionsOf } from "./model-sessions.js";
import { toNetworkGrid } from "./network-grid.js";
import { regionBox } from "./region-box.js";
import { addOnSourceGrid, type PreparedMember, segmentOnNetworkGrid, totalOf } from "./segment-ensemble.js";
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
 * previous stage, with that stage's labels as further channels; by the mean of the members of an ensemble. Postprocess
 * steps of the models that are asked do not run.
 *
 * @throws {PipelineError} as `toNetworkGrid`, `regionBox`, `segmentOnNetworkGrid` and `predictLogits`
 */
export async function segmentImage(image: SourceImage, model: ModelPackage, options: Options): Promise<Segmentation> {
  const { manifest } = model;
  if (isClassical(manifest)) {
    throw new PipelineError("ContractViolation", `model ${manifest.id} is a classical method, not a network`);
  }
  if (!isNetwork(manifest)) return segmentEnsemble(image, model, manifest, options);
  const part = await partOf(image, model, manifest, options);
  if (part === null) return nothing(manifest, image.grid, options);
  const { input, grid, sessions } = await prepare(part.image, model, manifest, 1, options);
  const found = await segmentInput(input, grid, manifest, await sessions(), options);
  return part.box === null ? found : inWhole(found, part.box, image.grid);
}

async function segmentEnsemble(
  image: SourceImage,
  model: ModelPackage,
  manifest: EnsembleManifest,
  options: Options,
): Promise<Segmentation> {
  const { ensemble } = manifest;
  const { wanted = [], maps = [], onTiles } = options;
  const members = ensemble.members.map(({ model: id, weight }) => ({ ...networkOf(id, model), weight }));
  if (ensemble.grid === "network") {
    const prepared = async function* (): AsyncGenerator<PreparedMember> {
      for (const { other, network, weight } of members) yield prepare(image, other, network, weight, options);
    };
    return segmentOnNetworkGrid(prepared(), manifest, options);
  }

  const { size } = image.grid;
  const [first] = members;
  if (first === undefined) throw new RangeError("an ensemble has at least one member");
  const kind = first.network.activation === "softmax" ? "softmax" : "regions";
  const mean = new EnsembleMean(size, first.network.network.classes, kind, maps);
  for (const { other, network, weight } of members) {
    const isBackground = (c: number) => network.activation === "softmax" && c === 0;
    const part = await partOf(image, other, network, options);
    if (part === null) {
      // No region, so background everywhere.
      if (isBackground(0)) mean.addChannel(0, new Float32Array(voxelCount(size)).fill(1), weight);
      continue;
    }
    const { box } = part;
    const add = (c: number, values: Float32Array) =>
      mean.addChannel(c, box === null ? values : pasteBox(values, box, size, isBackground(c) ? 1 : 0), weight);
    await addOnSourceGrid(await prepare(part.image, other, network, weight, options), add, onTiles);
  }
  mean.divide(totalOf(ensemble));
  return mean.segmentation(first.network.activation, wanted);
}

/** The part of the image in which a network works, and where it lies; null where its region is empty. */
async function partOf(
  image: SourceImage,
  model: ModelPackage,
  { region }: ModelManifest,
  options: Options,
): Promise<{ readonly image: SourceImage; readonly box: Box | null } | null> {
  if (region === undefined) return { image, box: null };
  const { grid, channels } = image;
  const { labels } = await ask(region.model, image, model, options);
  const box = regionBox(labels, grid, region.labels, region.marginMm);
  if (box === null) return null;
  const [x, y, z] = box.start;
  const affineRas = composeAffine(grid.affineRas, [1, 0, 0, x, 0, 1, 0, y, 0, 0, 1, z]);
  const cut = channels.map((channel) => cropBox(channel, grid.size, box));
  return { image: { grid: { ...grid, size: box.size, affineRas }, channels: cut }, box };
}

/** What a network reads, after its previous stage has run. */
async function prepare(
  image: SourceImage,
  model: ModelPackage,
  manifest: ModelManifest,
  weight: number,
  options: Options,
): Promise<PreparedMember> {
  const { previous } = manifest;
  const before = previous && (await ask(previous.model, image, model, options)).labels;
  const prepared = toNetworkGrid(image.channels, image.grid, manifest, before);
  return { ...prepared, manifest, weight, sessions: () => options.sessionsOf(model) };
}

/** Labels of a model that another one asks. */
async function ask(
  id: string,
  image: SourceImage,
  model: ModelPackage,
  { sessionsOf, onTiles }: Options,
): Promise<Segmentation> {
  return segmentImage(image, networkOf(id, model).other, { sessionsOf, ...(onTiles && { onTiles }) });
}

function networkOf(id: string, { manifest, others }: ModelPackage) {
  const other = others.get(id);
  if (other === undefined || !isNetwork(other.manifest)) {
    throw new PipelineError("ModelInvalid", `model ${manifest.id} asks network ${id}, which is not there`);
  }
  return { other, network: other.manifest };
}

/** A label map without labels, of the kind that the model would give, and nothing to be unsure of. */
function nothing({ network, activation }: ModelManifest, { size }: Grid, { maps = [] }: Options): Segmentation {
  const largest = activation === "softmax" ? network.classes - 1 : Math.max(...activation.regions);
  const count = voxelCount(size);
  return {
    labels: largest < 256 ? new Uint8Array(count) : new Uint16Array(count),
    probabilities: null,
    maps: new Map(maps.map((map) => [map, new Float32Array(count)])),
  };
}

/** What was found inside a box, in the voxels of the whole. */
function inWhole({ labels, probabilities, maps }: Segmentation, box: Box, { size }: Grid): Segmentation {
  const [x, y, z] = probabilities?.box.start ?? [0, 0, 0];
  const start = [box.start[0] + x, box.start[1] + y, box.start[2] + z] as const;
  return {
    labels: pasteBox(labels, box, size),
    probabilities: probabilities && { ...probabilities, box: { ...probabilities.box, start } },
    maps: new Map([...maps].map(([map, values]) => [map, pasteBox(values, box, size)])),
  };
}
