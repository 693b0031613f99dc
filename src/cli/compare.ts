import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import type { ScoredLabel } from "#src/evaluate/evaluate-case.js";
import { folderModels } from "#src/model/model-library.js";
import { modelFacts } from "./compare-facts.js";
import { type ComparedModel, type Comparison, pairsOf } from "./compare-models.js";
import { comparisonPage } from "./compare-page.js";
import { type ComparedCase, predictAll, timeAll } from "./compare-runs.js";
import { comparisonCsv, comparisonJson, comparisonMarkdown, comparisonText } from "./compare-table.js";
import { evaluateFolders } from "./evaluate.js";
import { EXIT } from "./exit-codes.js";
import { modelsFolder } from "./models-folder.js";
import { noProgress, progressOn } from "./progress.js";

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
 * @returns the exit code: 0, or that of warnings when a scan failed
 * @throws {PipelineError} `ModelUnknown`, `StoreMissing`, `NoImage`; `InputMismatch` for images without labels
 */
export async function compare(flags: CompareFlags, signal: AbortSignal): Promise<number> {
  const progress = flags.json === true ? noProgress : progressOn(process.stderr);
  const models = modelsFolder(flags.packages);
  const library = folderModels(models);
  const packages = [];
  for (const id of flags.models) packages.push(await library.open(id));
  const cases = await casesOf(resolve(flags.data));
  const out = resolve(flags.out);

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
    const { id } = model.manifest;
    const failed = failures.filter((failure) => failure.model === id);
    const evaluation =
      failed.length > 0
        ? null
        : await evaluateFolders({
            truth: join(resolve(flags.data), "labels"),
            pred: join(out, "predictions", id),
            ...(flags.labels === undefined ? {} : { labels: flags.labels }),
            tolerance: { value: 2, unit: null },
            lesionConnectivity: "26",
            lesionOverlap: 0,
            bothEmpty: "skip",
            oneEmpty: "skip",
            resamples: flags.resamples,
            seed: flags.seed,
          });
    compared.push({ id, facts: await modelFacts(model, library), time: times.get(id) ?? null, evaluation, failed });
  }
  const comparison: Comparison = {
    cases: cases.length,
    bootstrap: { resamples: flags.resamples, seed: flags.seed },
    models: compared,
    pairs: pairsOf(compared, { resamples: flags.resamples, seed: flags.seed }),
  };
  await mkdir(out, { recursive: true });
  await writeFile(join(out, "compare.json"), comparisonJson(comparison));
  await writeFile(join(out, "compare.csv"), comparisonCsv(comparison));
  await writeFile(join(out, "compare.md"), comparisonMarkdown(comparison));
  await writeFile(join(out, "compare.html"), comparisonPage(comparison));
  if (flags.json === true) process.stdout.write(comparisonJson(comparison));
  else console.log(comparisonText(comparison));
  for (const { model, case: name, code } of failures) console.error(`warning: ${model} on ${name}: ${code}`);
  return failures.length > 0 ? EXIT.warnings : EXIT.ok;
}

/** Images and label maps of the same names without endings. */
async function casesOf(data: string): Promise<readonly ComparedCase[]> {
  const list = async (folder: string) => {
    const names = await readdir(join(data, folder)).catch((cause: unknown) => {
      throw new PipelineError("StoreMissing", `folder of the data has no folder "${folder}"`, { cause });
    });
    return names.filter((name) => !name.startsWith(".")).sort();
  };
  const stem = (name: string) => name.replace(/(\.nii)?\.[a-z0-9]+$/i, "").replace(/\.nii$/i, "");
  const labels = new Set((await list("labels")).map(stem));
  const images = (await list("images")).map((file) => ({ name: stem(file), file, root: join(data, "images") }));
  const without = images.filter(({ name }) => !labels.has(name)).length;
  if (without > 0 || images.length !== labels.size) {
    const found = `${images.length} images, of which ${without} have no label map, and ${labels.size} label maps`;
    throw new PipelineError("InputMismatch", `data holds ${found}, expected a label map for each image`);
  }
  if (images.length === 0) throw new PipelineError("NoImage", "data holds no image, expected at least one");
  return images;
}
