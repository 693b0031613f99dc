import { basename, join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { localWorker, type RunOptions } from "#src/local/run-scan.js";
import { takeIn } from "#src/local/take-in.js";
import { RunRequest } from "#src/workflow/contract.js";
import { modelsFolder } from "./models-folder.js";
import { noProgress, progressOn } from "./progress.js";
import { runUpload } from "./run-upload.js";

/** Options that every command which runs scans shares. */
export interface RunFlags {
  readonly model?: string;
  readonly out: string;
  readonly work?: string;
  readonly models?: string;
  readonly refine: boolean;
  readonly irregular?: "reject" | "resample";
  readonly seg?: "binary" | "labelmap" | "fractional";
  readonly outputs?: readonly string[];
  readonly json?: boolean;
}

/** The folders of a run, and what was asked for. */
export function placesOf(flags: RunFlags): { places: RunOptions["places"]; request: RunRequest } {
  const out = resolve(flags.out);
  const work = flags.work === undefined ? join(out, ".work") : resolve(flags.work);
  const parsed = RunRequest.safeParse({
    model: flags.model,
    refine: flags.refine ? "on" : "off",
    irregular: flags.irregular,
    seg: flags.seg,
    outputs: flags.outputs?.filter((output) => output !== "none"),
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new PipelineError("InputMismatch", `option --${issue?.path.join(".")}: ${issue?.message}`);
  }
  const request = parsed.data;
  return { places: { work, results: out, models: modelsFolder(flags.models) }, request };
}

/** `scanlane run`: one upload through the workflow. @returns the exit code */
export async function run(path: string, flags: RunFlags, signal: AbortSignal): Promise<number> {
  const progress = flags.json ? noProgress : progressOn(process.stderr);
  const { places, request } = placesOf(flags);
  const upload = await takeIn(resolve(path), request);
  const worker = localWorker(progress.logger);
  try {
    return await runUpload(upload, basename(path), { places, worker, signal, progress, json: flags.json === true });
  } finally {
    worker.close();
  }
}
