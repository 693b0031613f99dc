import { fileURLToPath } from "node:url";
import type { Logger } from "#src/core/logger.js";
import { WorkerProcess } from "./worker-process.js";

/** How the worker process may use the machine. */
export interface WorkerLimits {
  /** Runs of a network at once. @default one for every two cores */
  readonly workers?: number;
}

/** The worker process, not yet started. Child processes always run `dist`, also when this file is run from `src`. */
export function localWorker(logger: Logger, { workers }: WorkerLimits = {}): WorkerProcess {
  const file = import.meta.url.endsWith(".ts") ? "../../dist/src/local/worker.js" : "./worker.js";
  const args = workers === undefined ? [] : [`--workers=${workers}`];
  return new WorkerProcess(fileURLToPath(new URL(file, import.meta.url)), logger, args);
}
