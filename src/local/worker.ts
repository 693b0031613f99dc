import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { PROVIDERS } from "#src/core/ids.js";
import { workersOn } from "#src/core/session-threads.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { SessionPool } from "#src/inference/session-pool.js";
import { postprocessStage } from "#src/stages/postprocess.js";
import { preprocess } from "#src/stages/preprocess.js";
import { publish } from "#src/stages/publish.js";
import { runJob } from "#src/stages/run-job.js";
import { segmentStage } from "#src/stages/segment.js";
import { openPlaces } from "./places.js";
import { WorkerJob, type WorkerMessage } from "./worker-protocol.js";

// The process that stands for the container: it takes one job after another and keeps the network loaded. When it
// dies, one job is lost and the engine goes on.

const { values } = parseArgs({ options: { workers: { type: "string" }, provider: { type: "string" } } });
const provider = PROVIDERS.find((one) => one === values.provider) ?? "cpu";
const workers = values.workers === undefined ? workersOn(availableParallelism()) : Number(values.workers);
const open = ortSessions(provider, { workers });
const sessions = new SessionPool(open);
const stages = {
  preprocess,
  segment: segmentStage(sessions),
  postprocess: postprocessStage(ortSessions("cpu")),
  publish,
};
const logger = {
  info: (message: string, fields = {}) => tell({ kind: "log", level: "info", message, fields }),
  warn: (message: string, fields = {}) => tell({ kind: "log", level: "warn", message, fields }),
};

let last: Promise<void> = Promise.resolve();
process.on("message", (message) => {
  last = last.then(() => work(WorkerJob.parse(message)));
});
// The engine is gone: nobody waits for the answer, and what is half done is done again by the next run.
process.on("disconnect", () => process.exit(0));

async function work(job: WorkerJob): Promise<void> {
  const deps = { ...openPlaces(job.places), logger, provider };
  const exitCode = await runJob(stages[job.stage], job.parameters, deps);
  // Node.js gives kilobytes.
  tell({ kind: "exit", id: job.id, exitCode, peakBytes: process.resourceUsage().maxRSS * 1024 });
}

function tell(message: WorkerMessage): void {
  process.send?.(message);
}
