import { PipelineError } from "#src/core/errors.js";
import { digestOf, resultIdOf } from "#src/core/ids.js";
import { RESULT_VERSION, SCHEMA_VERSION } from "#src/core/versions.js";
import { findScans } from "#src/formats/find-scans.js";
import { definedModality } from "#src/formats/modalities.js";
import { bytesAhead } from "#src/formats/read-ahead.js";
import type { FoundScan, UploadEntry } from "#src/formats/scan.js";
import { voxelCount } from "#src/imaging/volume.js";
import type { ImageShape } from "#src/inference/predict-volumes.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { needsProbabilities } from "#src/model/refine-steps.js";
import { workKeys } from "#src/storage/keys.js";
import type { InspectInput, InspectOutput, RunRequest, TaskDocument, TaskRef } from "#src/workflow/contract.js";
import { MAX_IMAGES } from "#src/workflow/execution-limits.js";
import { jobAsks } from "#src/workflow/job-sizes.js";
import { type ChannelGroup, channelGroups } from "./channel-groups.js";
import { type Choice, chooseModels, skippedWarnings } from "./choose-models.js";
import { writeDocument } from "./documents.js";
import { channelWarnings } from "./named-colour.js";
import { largestLabelOf } from "./outputs/image-files.js";
import { makesProbabilities, outputsFor, skippedOutputs } from "./outputs/outputs-for.js";
import { assertGivesProbabilities } from "./outputs/probabilities-output.js";
import { assertMapsPossible, mapsAsked } from "./outputs/uncertainty-output.js";
import { planTask } from "./plan-task.js";
import { openUpload } from "./source-upload.js";
import type { StageDeps, UploadSizeLimits } from "./stage-deps.js";

/** Memory of the Preprocess Lambda less what the runtime needs; larger tasks run as a Batch job. */
const LAMBDA_MEMORY_MIB = 9_000;

/**
 * Opens the upload, finds its images, chooses a model for each and writes down one task an image. A function of the
 * upload and the installed models: run twice, it writes the same documents.
 *
 * @throws {PipelineError} any input code, `NoRoute`, `ModelUnknown`, `ModelInvalid`, `InputMismatch`, `MemoryInsufficient`
 */
export async function inspect(input: InspectInput, deps: StageDeps): Promise<InspectOutput> {
  const { scanId, attempt } = input;
  const { source, entries } = await openUpload(scanId, deps);
  const { scans, warnings } = await findScans(entries, { irregular: "resample", willLoad: true });
  const tasks: TaskRef[] = [];
  const { chosen, skipped } = await chooseModels(scans, source.request, deps);
  assertVoxels([...chosen.keys()], deps.limits);
  for (const [{ irregular }, choice] of chosen) {
    if (irregular !== null && choice.irregular === "reject") throw new PipelineError("SeriesIrregular", irregular);
  }
  const groups = groupsOf(chosen, entries);
  assertCount(groups.length, deps.limits);
  for (const [n, [model, group]] of groups.entries()) {
    const deidentify = group.map((scan) => chosen.get(scan)?.deidentify).find((profile) => profile !== undefined);
    assertDeidentifiable(deidentify, deps);
    const task = taskOf(`t${n}`, group, entries, model, { ...source.request, deidentify }, input, deps);
    const document: TaskDocument = {
      ...task,
      warnings: [
        ...warnings,
        ...skippedWarnings(skipped),
        ...group.flatMap((scan, channel) => channelWarnings(scan.warnings, model.manifest, channel)),
        ...group.flatMap((scan, channel) => modalityWarnings(scan, model, channel, deidentify)),
        ...skippedOutputs(group[0].format, source.request),
      ],
    };
    const taskKey = workKeys.task(scanId, attempt, task.taskId);
    await writeDocument(deps.stores.work, taskKey, document);
    tasks.push({
      taskId: task.taskId,
      taskKey,
      identity: task.identity,
      share: task.share,
      preprocessOn: isForLambda(task) ? "lambda" : "batch",
      jobs: jobsOf(task, deps),
    });
    deps.logger.info("task found", {
      scanId,
      taskId: task.taskId,
      model: model.manifest.id,
      voxels: task.estimate.voxels,
    });
  }
  return { scanId, attempt, tasks };
}

/** Preprocess and Publish run in the same place. */
function isForLambda({ plan, estimate }: TaskDocument): boolean {
  return Math.max(estimate.memoryMiB, plan?.publish.memoryMiB ?? 0) <= LAMBDA_MEMORY_MIB;
}

/** What the jobs of a task ask for. */
function jobsOf(
  { plan }: TaskDocument,
  { jobSizes = [], provider, stepProvider }: StageDeps,
): NonNullable<TaskRef["jobs"]> {
  const asks = (size: number, gpus: number) => jobAsks(jobSizes, size, plan?.workers ?? 1, gpus);
  const image = Math.max(plan?.preprocess.jobSize ?? 0, plan?.publish.jobSize ?? 0);
  const segment = plan?.segment?.jobSize ?? image;
  // Steps are predicted by what was measured of each by itself: no less than what the others have.
  const postprocess = Math.max(segment, image, plan?.postprocess?.jobSize ?? 0);
  return {
    image: asks(image, 0),
    segment: asks(segment, provider === "cpu" ? 0 : 1),
    postprocess: asks(postprocess, (stepProvider ?? "cpu") === "cpu" ? 0 : 1),
  };
}

/** Images with their model, those that a model reads together put together; in the order of their first images. */
function groupsOf(
  chosen: ReadonlyMap<FoundScan, Choice>,
  entries: readonly UploadEntry[],
): readonly (readonly [ModelPackage, ChannelGroup])[] {
  const scans = [...chosen.keys()];
  const models = new Map([...chosen.values()].map(({ model }) => [model.manifest.id, model]));
  const groups = [...models].flatMap(([id, model]) => {
    const its = scans.filter((scan) => chosen.get(scan)?.model.manifest.id === id);
    return channelGroups(its, entries, model.manifest).map((group) => [model, group] as const);
  });
  const firstOf = ([, group]: (typeof groups)[number]) => Math.min(...group.map((scan) => scans.indexOf(scan)));
  return groups.toSorted((a, b) => firstOf(a) - firstOf(b));
}

/** Before anything runs: Publish would find it out at the end. */
function assertDeidentifiable(deidentify: RunRequest["deidentify"], { stores }: StageDeps): void {
  if (deidentify === undefined || stores.deid !== undefined) return;
  throw new PipelineError(
    "DeidentificationUnavailable",
    "there is no place for secret and UID maps, expected one where outputs are de-identified",
  );
}

/** An image of several channels counts once: what is counted are tasks. */
function assertCount(found: number, { images = MAX_IMAGES }: UploadSizeLimits = {}): void {
  if (found <= images) return;
  throw new PipelineError(
    "InputUnsupported",
    `the upload holds ${found} images, expected at most ${images} here; send it in parts`,
  );
}

/** @throws {PipelineError} InputUnsupported before anything was spent on the upload */
function assertVoxels(scans: readonly FoundScan[], { voxels }: UploadSizeLimits = {}): void {
  if (voxels === undefined) return;
  for (const { grid, entries } of scans) {
    const found = voxelCount(grid.size);
    if (found <= voxels) continue;
    const subject = `the image of entry ${Math.min(...entries)}`;
    throw new PipelineError("InputUnsupported", `${subject} has ${found} voxels, expected at most ${voxels}`);
  }
}

function taskOf(
  taskId: string,
  group: ChannelGroup,
  entries: readonly UploadEntry[],
  model: ModelPackage,
  request: RunRequest,
  { scanId, attempt }: InspectInput,
  { provider, stepProvider, capacity }: Pick<StageDeps, "provider" | "stepProvider" | "capacity">,
): TaskDocument {
  const [scan] = group;
  const { deidentify } = request;
  const voxels = voxelCount(scan.grid.size);
  const outputs = outputsFor(scan.format, request);
  assertMapsPossible(model.manifest, outputs);
  const publishesProbabilities = makesProbabilities(scan.format, { seg: request.seg, outputs });
  if (publishesProbabilities) assertGivesProbabilities(model.manifest);
  const keepsProbabilities =
    publishesProbabilities || (request.refine === "on" && model.manifest.postprocess.some(needsProbabilities));
  const labels = model.manifest.labels.length;
  const maps = mapsAsked(outputs);
  const asks = {
    segment: { wantedLabels: keepsProbabilities ? labels : 0, maps },
    publish: {
      probabilities: publishesProbabilities ? labels : 0,
      maps: maps.length,
      labelBytes: largestLabelOf(model.manifest) < 256 ? (1 as const) : (2 as const),
      segments: scan.format === "dicom" ? labels : 0,
      surfaces: outputs.includes("glb") || outputs.includes("stl"),
    },
    steps: request.refine === "on" ? model.manifest.postprocess : [],
  };
  const plan = planTask(shapeOf(group, entries), model, asks, capacity, provider);
  return {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    attempt,
    taskId,
    identity: resultIdOf({
      instances: group.flatMap(({ instances }) => instances),
      modelDigests: [model.digest],
      // A regular series gives the same result whatever is said about irregular ones.
      settings: {
        refine: request.refine,
        ...(group.every(({ irregular }) => irregular === null) ? {} : { irregular: "resample" }),
        // Instances are told without order or part: of several channels both count.
        ...(group.length === 1 ? {} : { channels: group.map(({ instances, parts }) => digestOf([instances, parts])) }),
        ...(scan.format === "dicom" ? { seg: request.seg } : {}),
        ...(scan.format === "dicom" || outputs.length > 0 ? { outputs } : {}),
        // The CPU goes without saying: a GPU rounds otherwise, in Postprocess as in Segment.
        ...(stepProvider !== undefined && stepProvider !== "cpu" ? { stepProvider } : {}),
        ...(deidentify === undefined ? {} : { deidentify }),
      },
      resultVersion: RESULT_VERSION,
      provider,
    }),
    model: { id: model.manifest.id, version: model.manifest.version, digest: model.digest },
    refine: request.refine,
    seg: request.seg,
    outputs,
    ...(deidentify && {
      deidentify: {
        profile: deidentify,
        pictures: group.some(({ mayShowText }) => mayShowText) ? ("structures" as const) : ("image" as const),
      },
    }),
    share: request.share,
    channels: group.map(({ format, entries, parts, irregular, instances, modality }) => ({
      ...{ format, irregular, modality },
      entries: [...entries],
      parts: parts && [...parts],
      instances: [...instances],
    })),
    warnings: [],
    estimate: { voxels, memoryMiB: plan.preprocess.memoryMiB },
    plan,
  };
}

/** Headers of volume files that do not say how large a voxel is are taken for the largest that is read as it is. */
const UNKNOWN_VOXEL_BYTES = 4;

function shapeOf(group: ChannelGroup, entries: readonly UploadEntry[]): ImageShape {
  const [{ grid, format, voxelBytes = format === "dicom" ? 2 : UNKNOWN_VOXEL_BYTES }] = group;
  const heldBytes = group.every((scan) => scan.heldBytes === 2) ? 2 : 4;
  const uploaded = group.map(({ entries: used }) => [...new Set(used)].flatMap((ordinal) => entries[ordinal] ?? []));
  const isSeries = format === "dicom";
  const heldOf = (all: readonly UploadEntry[]) => {
    const sizes = all.map(({ size }) => size);
    return isSeries ? Math.max(...sizes) : sizes.reduce((total, size) => total + size, 0);
  };
  const fileBytes = Math.max(...uploaded.map(heldOf));
  const files = isSeries ? Math.max(...uploaded.map((all) => all.length)) : 1;
  // One slice after another is put into the volume; of remote ones the next are read meanwhile.
  const aheadBytes = files > 1 ? Math.max(...uploaded.map(bytesAhead)) : 0;
  return { grid, channels: group.length, voxelBytes, heldBytes, fileBytes, files, aheadBytes };
}

function modalityWarnings(
  scan: FoundScan,
  { manifest }: ModelPackage,
  channel: number,
  deidentify: RunRequest["deidentify"],
) {
  const expected = manifest.channels[channel]?.modalities ?? [];
  // A model that names none was trained on nobody knows what.
  if (scan.modality === null || expected.length === 0 || expected.includes(scan.modality)) return [];
  const modality = deidentify === undefined ? scan.modality : definedModality(scan.modality);
  const message = `image has modality ${modality ?? "unknown"}, ${manifest.id} was trained on ${expected.join(", ")}`;
  return [{ code: "ModalityUnexpected" as const, message }];
}
