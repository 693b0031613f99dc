import { fileURLToPath } from "node:url";
import type { Provider } from "#src/core/ids.js";
import type { Logger } from "#src/core/logger.js";
import { bundledProgram } from "./bundled-program.js";
import { WorkerProcess } from "./worker-process.js";

/** How the worker process may use the machine. */
export interface WorkerLimits {
  /** Runs of a network at once. @default one for every two cores */
  readonly workers?: number;
  /** The device of networks. @default cpu */
  readonly provider?: Provider;
}

/** The worker process, not yet started. Child processes always run `dist`, also when this file is run from `src`. */
export function localWorker(logger: Logger, { workers, provider }: WorkerLimits = {}): WorkerProcess {
  const file = import.meta.url.endsWith(".ts") ? "../../dist/src/local/worker.js" : "./worker.js";
  const program = bundledProgram("worker") ?? new URL(file, import.meta.url);
  const args = Object.entries({ workers, provider }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${value}`],
  );
  return new WorkerProcess(fileURLToPath(program), logger, args);
}
