import { fileURLToPath } from "node:url";
import type { Logger } from "#src/core/logger.js";
import { WorkerProcess } from "./worker-process.js";

/** The worker process, not yet started. Child processes always run `dist`, also when this file is run from `src`. */
export function localWorker(logger: Logger): WorkerProcess {
  const file = import.meta.url.endsWith(".ts") ? "../../dist/src/local/worker.js" : "./worker.js";
  return new WorkerProcess(fileURLToPath(new URL(file, import.meta.url)), logger);
}
