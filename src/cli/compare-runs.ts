import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { toPipelineError } from "#src/core/errors.js";
import { localWorker } from "#src/local/local-worker.js";
import { type RunOptions, runScan } from "#src/local/run-scan.js";
import { takeInFiles } from "#src/local/take-in.js";
import type { WorkerProcess } from "#src/local/worker-process.js";
import { deidFolder } from "./deid-folder.js";
import { type DescribedOutcome, describeRun } from "./describe-run.js";
import { keepLabels } from "./keep-labels.js";
import { noProgress, type Progress } from "./progress.js";

/** An image of the data. */
export interface ComparedCase {
  /** Its file's name without ending. */
  readonly name: string;
  readonly file: string;
  /** Its folder. */
  readonly root: string;
}

/** A scan that a model gave no result for. */
export interface FailedScan {
  readonly model: string;
  readonly case: string;
  readonly code: string;
}

/** Seconds of each timed scan, and the most memory of the process that ran the network. */
export interface ModelTimes {
  /** From the upload to the published result. */
  readonly scan: readonly number[];
  /** Inside the network. */
  readonly network: readonly number[];
  readonly peakBytes: number;
}

interface Runs {
  readonly models: readonly string[];
  readonly cases: readonly ComparedCase[];
  readonly out: string;
  /** Folder of model packages. */
  readonly packages: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Every model over every case through the workflow, several at once, label maps in `<out>/predictions/<model>/`. What
 * an earlier, interrupted comparison has done is not done again.
 */
export async function predictAll({ jobs, ...runs }: Runs & { readonly jobs: number }): Promise<readonly FailedScan[]> {
  const { models, cases, out, packages, progress, signal } = runs;
  const queue = models.flatMap((model) => cases.map((one) => ({ model, one })));
  const total = queue.length;
  let done = 0;
  const failed: FailedScan[] = [];
  for (const model of models) {
    await rm(join(out, "predictions", model), { recursive: true, force: true });
    await mkdir(join(out, "predictions", model), { recursive: true });
  }
  const workOff = async (worker: WorkerProcess): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { model, one } = next;
      signal.throwIfAborted();
      const places = {
        work: join(out, ".work"),
        results: join(out, "results"),
        models: packages,
        deid: deidFolder(undefined),
      };
      const outcome = await runOne(model, one, places, worker, signal);
      if (outcome.kind === "published") await keepLabels(outcome.folder, join(out, "predictions", model, one.name));
      else failed.push({ model, case: one.name, code: outcome.code });
      done++;
      progress.line(`${done} of ${total}: ${model}, ${one.name}`);
    }
  };
  const workers = Array.from({ length: Math.min(jobs, total) }, () =>
    // Where scans run beside each other, the runs of one do not.
    localWorker(noProgress.logger, jobs > 1 ? { workers: 1 } : {}),
  );
  try {
    await Promise.all(workers.map(workOff));
  } finally {
    for (const worker of workers) worker.close();
  }
  return failed;
}

/**
 * Time of the cases one at a time: a process a model, warmed by the first case, and the models by turns for each case,
 * so that what else the machine does meets all of them alike.
 */
export async function timeAll({
  models,
  cases,
  out,
  packages,
  progress,
  signal,
}: Runs): Promise<ReadonlyMap<string, ModelTimes>> {
  const [first] = cases;
  if (first === undefined) return new Map();
  const folder = join(out, ".timing");
  const places = {
    work: join(folder, "work"),
    results: join(folder, "results"),
    models: packages,
    deid: deidFolder(undefined),
  };
  const taken = new Map(models.map((model) => [model, { scan: [] as number[], network: [] as number[] }]));
  const workers = new Map(models.map((model) => [model, localWorker(noProgress.logger)]));
  const run = async (model: string, one: ComparedCase, isKept: boolean): Promise<void> => {
    const worker = workers.get(model);
    const times = taken.get(model);
    if (worker === undefined || times === undefined) return;
    signal.throwIfAborted();
    await rm(folder, { recursive: true, force: true });
    const started = performance.now();
    const outcome = await runOne(model, one, places, worker, signal);
    if (!isKept || outcome.kind === "failed") return;
    times.scan.push((performance.now() - started) / 1000);
    const facts = outcome.run.stages.find(({ stage }) => stage === "segment")?.facts ?? {};
    if (typeof facts.networkSeconds === "number") times.network.push(facts.networkSeconds);
  };
  try {
    for (const model of models) await run(model, first, false);
    for (const [n, one] of cases.entries()) {
      for (const model of models) await run(model, one, true);
      progress.line(`timed ${n + 1} of ${cases.length}`);
    }
    return new Map(
      [...taken].map(([model, times]) => [model, { ...times, peakBytes: workers.get(model)?.peakBytes ?? 0 }]),
    );
  } finally {
    for (const worker of workers.values()) worker.close();
    await rm(folder, { recursive: true, force: true });
  }
}

type OneOutcome =
  | Pick<Extract<DescribedOutcome, { kind: "published" }>, "kind" | "folder" | "run">
  | { readonly kind: "failed"; readonly code: string };

async function runOne(
  model: string,
  { root, file }: ComparedCase,
  places: RunOptions["places"],
  worker: WorkerProcess,
  signal: AbortSignal,
): Promise<OneOutcome> {
  try {
    const upload = await takeInFiles({ root, name: file, files: [file], followsLinks: true }, { model, outputs: [] });
    const outcome = await runScan(upload, { places, worker, signal, logger: noProgress.logger });
    const [only, ...more] = await describeRun(outcome, places.results);
    // A file of several volumes has one label map, and which volume it is of is not known.
    if (only === undefined || more.length > 0) return { kind: "failed", code: "InputMismatch" };
    return only.kind === "published" ? only : { kind: "failed", code: only.record.code };
  } catch (thrown) {
    signal.throwIfAborted();
    return { kind: "failed", code: toPipelineError(thrown).code };
  }
}
