// Before any module that makes schemas.
import "#src/workflow/plain-schemas.js";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { PROVIDERS } from "#src/core/ids.js";
import { ortSessions, THREADS_ALONE } from "#src/inference/ort-session.js";
import { SessionPool } from "#src/inference/session-pool.js";
import { postprocessStage } from "#src/stages/postprocess.js";
import { preprocess } from "#src/stages/preprocess.js";
import { publish } from "#src/stages/publish.js";
import { runJob } from "#src/stages/run-job.js";
import { segmentStage } from "#src/stages/segment.js";
import { warmSegment } from "#src/stages/warm-segment.js";
import { keepCompiled } from "./compile-cache.js";
import { openPlaces } from "./places.js";
import { type WorkerJob, type WorkerMessage, WorkerOrder, type WorkerTask } from "./worker-protocol.js";

// The process that stands for the container: it takes one job after another and keeps the network loaded. When it
// dies, one job is lost and the engine goes on.

const { values } = parseArgs({ options: { workers: { type: "string" }, provider: { type: "string" } } });
const provider = PROVIDERS.find((one) => one === values.provider) ?? "cpu";
const workers = values.workers === undefined ? availableParallelism() : Number(values.workers);
const open = ortSessions(provider, { workers });
const sessions = new SessionPool(open);
const stages = {
  preprocess,
  segment: segmentStage(sessions),
  postprocess: postprocessStage(ortSessions("cpu", { threads: THREADS_ALONE })),
  publish,
};
const logger = {
  info: (message: string, fields = {}) => tell({ kind: "log", level: "info", message, fields }),
  warn: (message: string, fields = {}) => tell({ kind: "log", level: "warn", message, fields }),
};

let last: Promise<void> = Promise.resolve();
process.on("message", (message) => {
  const order = WorkerOrder.parse(message);
  last = last.then(() => (order.kind === "job" ? work(order) : warm(order)));
});
// The engine is gone: nobody waits for the answer, and what is half done is done again by the next run.
process.on("disconnect", () => process.exit(0));

async function work(job: WorkerJob): Promise<void> {
  const deps = { ...openPlaces(job.places), logger, provider };
  const exitCode = await runJob(stages[job.stage], job.parameters, deps);
  // Node.js gives kilobytes.
  tell({ kind: "exit", id: job.id, exitCode, peakBytes: process.resourceUsage().maxRSS * 1024 });
  // Of a scan that is the last job: what comes next is published elsewhere, and ends this process when it is done.
  if (job.stage === "postprocess") keepCompiled();
}

async function warm({ parameters, places }: WorkerTask): Promise<void> {
  // What is wrong Segment will find and say.
  await warmSegment(parameters, openPlaces(places), sessions).catch(() => {});
}

function tell(message: WorkerMessage): void {
  process.send?.(message);
}
