import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import type { ScoredLabel } from "#src/evaluate/evaluate-case.js";
import { folderModels, type ModelPackage } from "#src/model/model-library.js";
import { assertFolder } from "./assert-folder.js";
import { comparedData } from "./compare-cases.js";
import { modelFacts } from "./compare-facts.js";
import { type ComparedModel, type Comparison, pairsOf } from "./compare-models.js";
import { comparisonPage } from "./compare-page.js";
import { predictAll, timeAll } from "./compare-runs.js";
import { comparisonCsv, comparisonJson, comparisonMarkdown, comparisonText, warningsOf } from "./compare-table.js";
import { evaluateFolders } from "./evaluate.js";
import { EXIT } from "./exit-codes.js";
import { modelsFolder } from "./models-folder.js";
import { noProgress, progressOn } from "./progress.js";
import { writeWhole } from "./write-whole.js";

export interface CompareFlags {
  readonly models: readonly string[];
  readonly data: string;
  readonly out: string;
  readonly packages?: string;
  readonly labels?: readonly ScoredLabel[];
  readonly jobs: number;
  /** Scans of the timing; 0: none. */
  readonly timed: number;
  readonly resamples: number;
  readonly seed: number;
  readonly json?: boolean;
}

/**
 * `scanlane compare`: several models over the same labelled images. For quality they run side by side through the
 * workflow; for time one scan at a time, the models by turns.
 *
 * @returns the exit code: 0, or that of warnings when a scan failed or a model gave labels that are not scored
 * @throws {PipelineError} `ModelUnknown`, and what `comparedData` throws
 */
export async function compare(flags: CompareFlags, signal: AbortSignal): Promise<number> {
  const progress = flags.json === true ? noProgress : progressOn(process.stderr);
  const models = modelsFolder(flags.packages);
  const library = folderModels(models);
  const packages = [];
  for (const id of flags.models) packages.push(await library.open(id));
  const { cases, labels } = await comparedData(resolve(flags.data));
  if (flags.labels === undefined) assertKnown(labels, packages);
  const out = resolve(flags.out);
  await assertFolder(out, "--out");

  const failures = await predictAll({
    models: flags.models,
    cases,
    out,
    packages: models,
    jobs: flags.jobs,
    progress,
    signal,
  });
  const times = await timeAll({
    models: flags.models,
    cases: cases.slice(0, flags.timed),
    out,
    packages: models,
    progress,
    signal,
  });
  const compared: ComparedModel[] = [];
  for (const model of packages) {
    const { id, version, labels: own } = model.manifest;
    const failed = failures.filter((failure) => failure.model === id);
    const evaluation =
      failed.length > 0
        ? null
        : await evaluateFolders(
            {
              truth: join(resolve(flags.data), "labels"),
              pred: join(out, "predictions", id),
              labels: flags.labels ?? labels,
              tolerance: { value: 2, unit: null },
              lesionConnectivity: "26",
              lesionOverlap: 0,
              bothEmpty: "skip",
              oneEmpty: "skip",
              resamples: flags.resamples,
              seed: flags.seed,
            },
            signal,
          );
    const facts = await modelFacts(model, library);
    const named = own.map(({ value, name }) => ({ value, name }));
    compared.push({ id, version, labels: named, facts, time: times.get(id) ?? null, evaluation, failed });
  }
  const comparison: Comparison = {
    cases: cases.length,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    bootstrap: { resamples: flags.resamples, seed: flags.seed },
    models: compared,
    pairs: pairsOf(compared, { resamples: flags.resamples, seed: flags.seed }),
  };
  await writeWhole(join(out, "compare.json"), comparisonJson(comparison));
  await writeWhole(join(out, "compare.csv"), comparisonCsv(comparison));
  await writeWhole(join(out, "compare.md"), comparisonMarkdown(comparison));
  await writeWhole(join(out, "compare.html"), comparisonPage(comparison));
  if (flags.json === true) process.stdout.write(comparisonJson(comparison));
  else console.log(comparisonText(comparison));
  const warnings = warningsOf(comparison);
  for (const warning of warnings) console.error(`warning: ${warning}`);
  return warnings.length > 0 ? EXIT.warnings : EXIT.ok;
}

/**
 * Before hours of scans: a value that no model gives would be missed by all of them.
 *
 * @throws {PipelineError} `InputMismatch`
 */
function assertKnown(labels: readonly ScoredLabel[], packages: readonly ModelPackage[]): void {
  const given = new Map(packages.flatMap(({ manifest }) => manifest.labels.map(({ value, name }) => [value, name])));
  const strangers = labels.flatMap(({ values }) => values).filter((value) => !given.has(value));
  if (strangers.length === 0) return;
  const some = strangers.slice(0, 5).join(", ") + (strangers.length > 5 ? ` and ${strangers.length - 5} more` : "");
  const expected = [...given].map(([value, name]) => `${value} (${name})`).join(", ");
  const [name = "nuclei"] = given.values();
  throw new PipelineError(
    "InputMismatch",
    `references hold ${some}, labels of the models are ${expected}; say what is scored by --labels: ${name}=1,255, or ${name}=1+ for 1 and above`,
  );
}
