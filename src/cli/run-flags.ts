import { join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import type { Provider } from "#src/core/ids.js";
import type { Asked } from "#src/intake/scan-manifest.js";
import type { RunOptions } from "#src/local/run-scan.js";
import { RunRequest } from "#src/workflow/contract.js";
import { deidFolder, isApart } from "./deid-folder.js";
import { modelsFolder } from "./models-folder.js";
import type { RunContext } from "./run-upload.js";

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
  readonly deidentify?: boolean;
  readonly deidDir?: string;
  readonly json?: boolean;
  /** Runs of a network at once. @default one for every core */
  readonly workers?: number;
  /** Memory that a run may use, in MiB. @default what is free */
  readonly memory?: number;
  /** The device of networks. @default cpu */
  readonly provider?: Provider;
}

/** What a command runs its uploads with, and what was asked for of them. */
export function contextOf(
  flags: RunFlags,
  rest: Pick<RunContext, "worker" | "signal" | "progress">,
): { context: RunContext; asked: Asked } {
  const { places, asked } = placesOf(flags);
  return { context: { ...rest, places, json: flags.json === true, ...limitsOf(flags) }, asked };
}

/** How a run may use the machine, of what was said. */
function limitsOf({ provider, workers, memory }: RunFlags): Pick<RunOptions, "provider" | "workers" | "memoryMiB"> {
  return {
    ...(provider !== undefined && { provider }),
    ...(workers !== undefined && { workers }),
    ...(memory !== undefined && { memoryMiB: memory }),
  };
}

/** The folders of a run, and what was asked for: it goes before a `scan.json`. */
function placesOf(flags: RunFlags): { places: RunOptions["places"]; asked: Asked } {
  const out = resolve(flags.out);
  const work = flags.work === undefined ? join(out, ".work") : resolve(flags.work);
  const given = Object.entries({
    model: flags.model,
    // Only `--no-refine` says something: without it `scan.json` may.
    refine: flags.refine ? undefined : "off",
    irregular: flags.irregular,
    seg: flags.seg,
    outputs: flags.outputs?.filter((output) => output !== "none"),
    deidentify: flags.deidentify ? "basic" : undefined,
  }).filter(([, value]) => value !== undefined);
  const parsed = RunRequest.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new PipelineError("InputMismatch", `option --${issue?.path.join(".")}: ${issue?.message}`);
  }
  const named = new Set(given.map(([name]) => name));
  const asked = Object.fromEntries(Object.entries(parsed.data).filter(([name]) => named.has(name)));
  const places = { work, results: out, models: modelsFolder(flags.models) };
  const deid = deidFolder(flags.deidDir);
  if (isApart(deid, [out, work])) return { places: { ...places, deid }, asked };
  if (!flags.deidentify && flags.deidDir === undefined) return { places, asked };
  throw new PipelineError(
    "InputMismatch",
    "option --deid-dir: the folder lies inside that of results or intermediate files, or around it, expected it apart",
  );
}
