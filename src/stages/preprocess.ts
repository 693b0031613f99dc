import { PipelineError } from "#src/core/errors.js";
import { loadScanCompact } from "#src/formats/load-scan.js";
import type { LoadedScan } from "#src/formats/scan.js";
import type { Grid } from "#src/imaging/volume.js";
import { freeArray } from "#src/inference/free-array.js";
import { type Channel, toNetworkGrid } from "#src/inference/network-grid.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import { asksOthers } from "#src/model/manifest.js";
import { STAGE_FILES } from "#src/storage/keys.js";
import { documentBytes } from "./documents.js";
import { gridDocument } from "./grid-document.js";
import { channelWarnings, namedColour } from "./named-colour.js";
import { openUpload } from "./source-upload.js";
import type { StageDefinition, StageReport, StageWork } from "./stage.js";
import { imageFileStored, networkInputFile } from "./volume-files.js";

/**
 * Reads the images of a task and brings them to the network's grid (a classical method works on the source's, and a
 * network that asks others first starts from there). Writes image, network input, grid, DICOM source.
 */
export const preprocess: StageDefinition = { stage: "preprocess", run };

async function run(work: StageWork): Promise<StageReport> {
  const { manifest } = work.model;
  const { entries } = await openUpload(work.task.scanId, work.deps);
  const loaded: LoadedScan<Channel>[] = [];
  for (const [n, channel] of work.task.channels.entries()) {
    const colour = namedColour(manifest, n);
    loaded.push(await loadScanCompact({ ...channel, ...(colour && { colour }) }, entries));
  }
  const [first] = loaded;
  if (!first) throw new PipelineError("ContractViolation", "task has no channels, expected at least one");
  const { data, ...source } = first.volume;

  const warnings = loaded.flatMap((scan, n) => channelWarnings(scan.warnings, manifest, n));
  if (isConstant(data))
    warnings.push({ code: "ConstantImage", message: "all voxels of the image have the same value" });
  // The image first: then its voxels can go while the network's input is made.
  const file = imageFileStored(first.volume);
  await work.write(STAGE_FILES.image, file);
  freeArray(file);
  const images = loaded.map((scan) => scan.volume.data);
  const { grid, input } =
    !isNetwork(manifest) || asksOthers(manifest)
      ? onSourceGrid(images, source)
      : toNetworkGrid(images, source, manifest, undefined, true);
  await work.write(STAGE_FILES.networkInput, networkInputFile(input, grid));
  await work.write(STAGE_FILES.grid, documentBytes(gridDocument(grid, first.stack)));
  if (first.dicom) await work.write(STAGE_FILES.dicomSource, documentBytes(first.dicom));
  return { warnings };
}

/** The images as they are: whole, neither turned nor resampled nor normalised. */
function onSourceGrid(channels: readonly Channel[], source: Grid) {
  const { size, affineRas } = source;
  return { grid: { source, box: { start: [0, 0, 0] as const, size }, size, affineRas }, input: { size, channels } };
}

function isConstant(data: Channel): boolean {
  const first = data[0];
  for (let i = 1; i < data.length; i++) if (data[i] !== first) return false;
  return true;
}
