import { availableParallelism, cpus } from "node:os";
import { ERROR_CLASSES, PipelineError } from "#src/core/errors.js";
import type { Provider } from "#src/core/ids.js";
import type { Logger } from "#src/core/logger.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { readDocument, writeDocument } from "#src/stages/documents.js";
import { inspect } from "#src/stages/inspect.js";
import { preprocess } from "#src/stages/preprocess.js";
import { publish } from "#src/stages/publish.js";
import { quarantine } from "#src/stages/quarantine.js";
import { runTask } from "#src/stages/run-task.js";
import type { StageDefinition } from "#src/stages/stage.js";
import type { Capacity, StageDeps } from "#src/stages/stage-deps.js";
import { resultKeys, type Stage, workKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import {
  InspectInput,
  InspectOutput,
  JobParameters,
  PublishOutput,
  QuarantineInput,
  QuarantineOutput,
  StageInput,
  TaskDocument,
  type TaskOutcome,
} from "#src/workflow/contract.js";
import { Admission } from "./admission.js";
import { batchHandler, type ExecutionResult, lambdaHandler, runExecution, type StateHandler } from "./engine.js";
import type { HeldFile } from "./held-file.js";
import { ImagesAhead } from "./images-ahead.js";
import { openPlaces, type Places, placesFor } from "./places.js";
import type { LocalUpload, OriginDocument } from "./take-in.js";
import type { AskedJob, WorkerProcess } from "./worker-process.js";

/** A state began or ended. */
export interface StateEvent {
  readonly state: string;
  readonly phase: "start" | "end" | "failed";
  readonly seconds: number;
}

/** What a run is given besides the upload. */
export interface RunOptions {
  readonly places: Omit<Places, "source">;
  readonly logger: Logger;
  readonly onState?: (event: StateEvent) => void;
  readonly signal?: AbortSignal;
  /** The device of networks, which the worker was started with. @default cpu */
  readonly provider?: Provider;
  /** Runs of a network at once. @default one for every two cores */
  readonly workers?: number;
  /** Memory that a run may use, in MiB. @default what this machine or its container has free */
  readonly memoryMiB?: number;
  /** Lets stages run in this process; of scans that are under way together the same. @default this scan's own */
  readonly admission?: Admission;
  /** Segment of no image begins before: of several uploads the worker takes the first one first. @default at once */
  readonly segmentAfter?: Promise<unknown>;
  /** Told when the worker has the job of segmenting an image. */
  readonly onSegment?: () => void;
  /** Runs the Batch jobs; kept by the caller so that it stays warm from scan to scan. */
  readonly worker: WorkerProcess;
}

/** How one scan ended. */
export interface RunOutcome {
  readonly scanId: string;
  readonly attempt: number;
  /** One a task, or the one quarantine record of the whole scan. */
  readonly outcomes: readonly TaskOutcome[];
}

/** Tries of a job that was lost or ended with a transient exit code, as in the job definition of `infra/`. */
const JOB_ATTEMPTS = 3;

/** The network of an image up to this size leaves processors enough for the image to be read beside it. */
const SMALL_VOXELS = 2 ** 22;

/**
 * Takes one upload through the whole workflow. Never throws for a bad scan: that is an outcome.
 *
 * @throws {PipelineError} `StoreBusy` where something could be neither published nor set aside, whatever was
 */
export async function runScan(upload: LocalUpload, options: RunOptions): Promise<RunOutcome> {
  const { worker, provider = "cpu", memoryMiB = freeMemoryMiB(), admission = new Admission(memoryMiB) } = options;
  const places = await placesFor(upload.source.request, {
    ...options.places,
    source: upload.root,
    ...(upload.followsLinks && { followsLinks: true as const }),
  });
  const opened = openPlaces(places);
  const source = upload.held?.over(opened.stores.source) ?? opened.stores.source;
  const deps: StageDeps = {
    models: opened.models,
    stores: { ...opened.stores, source },
    logger: options.logger,
    provider,
    capacity: capacityOf(options.workers, memoryMiB, provider),
  };
  const { scanId } = upload.source;
  const attempt = await nextAttempt(scanId, deps.stores.results);
  await writeDocument(deps.stores.work, workKeys.source(scanId), upload.source);
  const origin: OriginDocument = {
    schemaVersion: SCHEMA_VERSION,
    root: upload.root,
    ...(upload.followsLinks && { followsLinks: true }),
  };
  await writeDocument(deps.stores.work, workKeys.origin(scanId), origin);

  const outcomes: TaskOutcome[] = [];
  const { segmentAfter, onSegment, signal = null } = options;
  const given = {
    worker,
    admission,
    held: upload.held ?? null,
    signal,
    ...(segmentAfter && { segmentAfter }),
    ...(onSegment && { onSegment }),
  };
  const handlers = stateHandlers(places, deps, given, (outcome) => outcomes.push(outcome));
  const watched = Object.fromEntries(
    Object.entries(handlers).map(([state, handler]) => [state, announced(state, handler, options.onState)]),
  );
  const result = await runExecution({ schemaVersion: SCHEMA_VERSION, scanId, attempt }, watched, options.signal);
  assertTold(result);
  return { scanId, attempt, outcomes };
}

/** Ends that the workflow file gives an execution that failed. */
const [SET_ASIDE, NOT_SET_ASIDE] = ["Quarantined", "QuarantineFailed"];

/** Of an execution that failed otherwise than by setting aside, something is in no outcome. */
function assertTold(result: ExecutionResult): void {
  if (result.status === "succeeded" || result.error === SET_ASIDE) return;
  if (result.error === NOT_SET_ASIDE) {
    throw new PipelineError("StoreBusy", `an image could be neither published nor set aside: ${result.cause}`);
  }
  throw new Error(`workflow failed: ${result.error}: ${result.cause}`);
}

/** What this machine or its container has free, besides what this process holds already. */
export function freeMemoryMiB(): number {
  return (process.availableMemory() + process.memoryUsage.rss()) / 2 ** 20;
}

/** Both processes of a run have to fit. */
function capacityOf(workers: number | undefined, memoryMiB: number, provider: Provider): Capacity {
  // A GPU has one session.
  const size = { workers: provider === "cpu" ? (workers ?? availableParallelism()) : 1, memoryMiB };
  return { sizes: [size], isShared: true, processor: cpus()[0]?.model ?? "" };
}

/** What the handlers of one scan share. */
interface HandlerParts
  extends Required<Pick<RunOptions, "worker" | "admission">>,
    Pick<RunOptions, "segmentAfter" | "onSegment"> {
  readonly held: HeldFile | null;
  readonly signal: AbortSignal | null;
}

function stateHandlers(
  places: Places,
  deps: StageDeps,
  { worker, admission, held, signal, segmentAfter, onSegment }: HandlerParts,
  onOutcome: (outcome: TaskOutcome) => void,
): Record<string, StateHandler> {
  const images = new ImagesAhead(deps, admission);
  const runJob = async (job: Omit<AskedJob, "places">) => {
    for (let attempt = 1; ; attempt++) {
      const exitCode = await worker.run({ ...job, places });
      const mayPass = exitCode === null || exitCode === ERROR_CLASSES.transient.exitCode;
      // Ctrl-C ends the worker too: that process was not lost.
      if (!mayPass || attempt === JOB_ATTEMPTS || signal?.aborted) return exitCode;
    }
  };
  const job = (stage: Stage) => batchHandler((value) => runJob({ stage, parameters: JobParameters.parse(value) }));
  const taskOf = ({ taskKey }: StageInput) => readDocument(deps.stores.work, taskKey, TaskDocument);
  const segment = batchHandler(async (value) => {
    const parameters = JobParameters.parse(value);
    const task = await taskOf(parameters);
    // Where Preprocess had nothing to read, or read it elsewhere.
    held?.letGo();
    await segmentAfter;
    const begin = () => images.begin(parameters, task);
    if (task.estimate.voxels <= SMALL_VOXELS) begin();
    const job = runJob({
      stage: "segment",
      parameters,
      // From the last tile on the worker has one thread that works.
      onLog: (message, { done, of }) => {
        if (message === "tiles" && done === of) begin();
      },
    });
    onSegment?.();
    const exitCode = await job;
    if (exitCode !== 0) images.forget(task.identity);
    return exitCode;
  });
  const postprocess = batchHandler(async (value) => {
    const parameters = JobParameters.parse(value);
    const exitCode = await runJob({ stage: "postprocess", parameters });
    if (exitCode !== 0) images.forget((await taskOf(parameters)).identity);
    return exitCode;
  });
  const publishJob = batchHandler(async (value) => {
    const parameters = JobParameters.parse(value);
    // The worker reads the image itself.
    images.forget((await taskOf(parameters)).identity);
    return runJob({ stage: "publish", parameters });
  });
  const here = async (definition: StageDefinition, payload: unknown) => {
    const input = StageInput.parse(payload);
    const { identity, plan } = await taskOf(input);
    const { memoryMiB = 0 } = plan?.[definition === publish ? "publish" : "preprocess"] ?? {};
    const besideMiB = Math.max(plan?.segment?.memoryMiB ?? 0, plan?.postprocess?.memoryMiB ?? 0);
    const asked = { identity, memoryMiB, besideMiB };
    if (definition !== publish) return admission.run(asked, () => runTask(definition, input, deps));
    images.makeRoom(identity);
    try {
      return await admission.run(asked, () => runTask(publish, input, { ...deps, shown: images }));
    } finally {
      // A result that was there already needs no pictures.
      images.forget(identity);
    }
  };
  const setAside = lambdaHandler(async (payload) => {
    const outcome = QuarantineOutput.parse(await quarantine(QuarantineInput.parse(payload), deps));
    onOutcome(outcome);
    return outcome;
  });
  return {
    Inspect: lambdaHandler(async (payload) => {
      const output = InspectOutput.parse(await inspect(InspectInput.parse(payload), deps));
      const [first] = output.tasks;
      // The network of the first image opens while this process makes its input.
      if (first !== undefined) worker.warm({ parameters: { taskKey: first.taskKey }, places });
      return output;
    }),
    Preprocess: lambdaHandler((payload) => here(preprocess, payload)),
    PreprocessJob: job("preprocess"),
    Segment: segment,
    Postprocess: postprocess,
    PublishJob: publishJob,
    Publish: lambdaHandler(async (payload) => {
      const outcome = PublishOutput.parse(await here(publish, payload));
      onOutcome(outcome);
      return outcome;
    }),
    QuarantineTask: setAside,
    QuarantineScan: setAside,
  };
}

function announced(state: string, handler: StateHandler, onState: RunOptions["onState"]): StateHandler {
  return async (parameters) => {
    const started = performance.now();
    const say = (phase: StateEvent["phase"]) =>
      onState?.({ state, phase, seconds: (performance.now() - started) / 1000 });
    say("start");
    try {
      const output = await handler(parameters);
      say("end");
      return output;
    } catch (error) {
      say("failed");
      throw error;
    }
  };
}

/** A scan that was set aside gets a new attempt; an interrupted one goes on with the attempt it was in. */
async function nextAttempt(scanId: string, results: ScanStore): Promise<number> {
  let last = 0;
  for await (const { key } of results.list(resultKeys.quarantineOf(scanId))) {
    last = Math.max(last, Number(/\/a(\d+)-/.exec(key)?.[1] ?? 0));
  }
  return last + 1;
}
