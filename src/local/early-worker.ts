import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { bundledProgram } from "./bundled-program.js";
import { compileCacheOf } from "./compile-cache.js";

/** The program that starts a worker process is another bundle than the one that uses it: they share the process alone. */
const PLACE = Symbol.for("scanlane.early-worker");
/** What the command line may say of the worker process itself, or what has no need of one. */
const OTHERWISE = /^(?:--workers|--provider|--help$|-h$)/;

interface EarlyWorker {
  readonly file: string;
  readonly child: ChildProcess;
}

/** Starts a worker process. What a native library prints there goes to stderr: stdout belongs to the command's output. */
export function forkWorker(file: string, args: readonly string[]): ChildProcess {
  const stdio = ["ignore", "ignore", "inherit", "ipc"] as const;
  return fork(file, [...args], { stdio: [...stdio], execArgv: [], env: compileCacheOf(process.env) });
}

/**
 * Starts the worker process of a command that will need one, before the command line is read: the process loads more than
 * this one. Where it is not taken up it ends with this process.
 *
 * @param program the worker's; null where it was not made as one file: then there is no haste
 */
export function startEarly(
  [command = "", ...rest]: readonly string[],
  program = bundledProgram("worker"),
): ChildProcess | null {
  if (command !== "run" || program === null || rest.some((one) => OTHERWISE.test(one))) return null;
  const file = fileURLToPath(program);
  const child = forkWorker(file, []);
  // It is told of when the process is taken up, and found to have ended.
  child.on("error", () => {});
  child.unref();
  child.channel?.unref();
  Object.assign(globalThis, { [PLACE]: { file, child } satisfies EarlyWorker });
  return child;
}

/** The process that was started so, which is then the caller's; null where there is none or it ended. */
export function takeEarly(file: string, args: readonly string[]): ChildProcess | null {
  const early: EarlyWorker | undefined = Reflect.get(globalThis, PLACE);
  if (early?.file !== file || args.length > 0) return null;
  Reflect.deleteProperty(globalThis, PLACE);
  const { child } = early;
  if (child.exitCode !== null || child.signalCode !== null || !child.connected) return null;
  child.ref();
  child.channel?.ref();
  return child;
}
