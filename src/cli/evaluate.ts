import { join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import {
  absentScores,
  evaluateCase,
  type LabelVolume,
  type ScoredLabel,
  type ScoreOptions,
} from "#src/evaluate/evaluate-case.js";
import {
  type Evaluation,
  type EvaluationRow,
  evaluationCsv,
  evaluationJson,
  summariseEvaluation,
} from "#src/evaluate/evaluation.js";
import type { Size3 } from "#src/imaging/affine.js";
import { assertFolder } from "./assert-folder.js";
import { caseSubject, someNames } from "./case-name.js";
import { type CaseFile, caseFiles, readMap, resultFiles, singleFile, volumesOf } from "./evaluate-files.js";
import { evaluationPage } from "./evaluate-page.js";
import { evaluationTable } from "./evaluate-table.js";
import { EXIT } from "./exit-codes.js";
import { writeWhole } from "./write-whole.js";

export interface EvaluateFlags {
  readonly truth: string;
  readonly pred: string;
  /** Of a folder of results: those of this model. */
  readonly model?: string;
  readonly against?: string;
  readonly labels?: readonly ScoredLabel[];
  readonly tolerance: { readonly value: number; readonly unit: "mm" | "px" | null };
  readonly lesionConnectivity: "6" | "18" | "26";
  readonly lesionOverlap: number;
  readonly bothEmpty: ScoreOptions["bothEmpty"];
  readonly oneEmpty: ScoreOptions["oneEmpty"];
  readonly resamples: number;
  readonly seed: number;
  readonly out?: string;
  readonly html?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** A case in the folders that it is in. */
interface Case {
  readonly ordinal: number;
  readonly truth: CaseFile;
  readonly prediction: CaseFile;
  readonly other: CaseFile | null;
}

/** What the cases have come to so far. */
interface Progress {
  readonly rows: EvaluationRow[];
  readonly others: EvaluationRow[];
  readonly warnings: string[];
  /** Of each case: for labels that it lacks. */
  readonly sizes: Size3[];
  /** Values found in a reference, and in a prediction. */
  readonly inTruth: Set<number>;
  readonly inPrediction: Set<number>;
  unit: "mm" | "px" | null;
}

/** `scanlane evaluate`: scores of label maps against a reference. @returns exit code */
export async function evaluate(flags: EvaluateFlags): Promise<number> {
  if (flags.out !== undefined) await assertFolder(resolve(flags.out), "--out");
  const evaluation = await evaluateFolders(flags);
  const page = (): string => evaluationPage(evaluation);
  if (flags.out !== undefined) {
    await writeWhole(join(flags.out, "evaluation.json"), evaluationJson(evaluation));
    await writeWhole(join(flags.out, "evaluation.csv"), evaluationCsv(evaluation));
    await writeWhole(join(flags.out, "evaluation.html"), page());
  }
  if (flags.html !== undefined) await writeWhole(flags.html, page());
  if (flags.json === true) process.stdout.write(evaluationJson(evaluation));
  else if (flags.csv === true) process.stdout.write(evaluationCsv(evaluation));
  else console.log(evaluationTable(evaluation));
  for (const warning of evaluation.warnings) console.error(`warning: ${warning}`);
  return evaluation.warnings.length > 0 ? EXIT.warnings : EXIT.ok;
}

/** Scores of a folder of label maps against another. @throws {PipelineError} any code of the readers, InputMismatch */
export async function evaluateFolders(flags: EvaluateFlags, signal?: AbortSignal): Promise<Evaluation> {
  const options: ScoreOptions = {
    tolerance: flags.tolerance.value,
    lesions: { connectivity: connectivityOf(flags.lesionConnectivity), overlap: flags.lesionOverlap },
    bothEmpty: flags.bothEmpty,
    oneEmpty: flags.oneEmpty,
  };
  const progress: Progress = { rows: [], others: [], warnings: [], sizes: [], unit: null, ...noValues() };
  const cases = await casesOf(flags, progress.warnings);
  for (const item of cases) {
    signal?.throwIfAborted();
    await scoreCase(item, flags, options, progress);
  }

  if (flags.labels === undefined) compareValues(progress);
  const labels = flags.labels ?? labelsFound(progress);
  if (labels.length === 0) throw new PipelineError("InputMismatch", "no label occurs in any of the maps");
  const whole = (rows: readonly EvaluationRow[]) => completed(rows, cases, labels, progress.sizes, options);
  return summariseEvaluation(
    {
      ...options,
      unit: progress.unit ?? "mm",
      bootstrap: { resamples: flags.resamples, seed: flags.seed },
    },
    labels,
    whole(progress.rows),
    flags.against === undefined ? null : whole(progress.others),
    progress.warnings,
  );
}

function noValues(): Pick<Progress, "inTruth" | "inPrediction"> {
  return { inTruth: new Set(), inPrediction: new Set() };
}

/**
 * Masks of 0 and 255, or with a number for each object, are no label maps of a model: their scores would say nothing.
 * Other values may have nothing in common because the predictions are wrong.
 *
 * @throws {PipelineError} `InputMismatch` where references and predictions have no value in common, and one of them holds
 *   255 alone or numbers objects
 */
function compareValues({ inTruth, inPrediction, warnings }: Progress): void {
  const missing = [...inTruth].filter((value) => !inPrediction.has(value));
  if (missing.length === 0 || inPrediction.size === 0) return;
  const remedy = oneLabelOf(new Set([...inTruth, ...inPrediction]));
  if (missing.length < inTruth.size) {
    warnings.push(`${someValues(missing)} of the references occur in no prediction; ${remedy}`);
    return;
  }
  const found = `references hold ${someValues(missing)} and predictions ${someValues([...inPrediction])}`;
  if ([inTruth, inPrediction].some((values) => isMask(values) || numbersObjects(values))) {
    throw new PipelineError("InputMismatch", `${found}, expected a value in common; ${remedy}`);
  }
  warnings.push(`${found}, none in common: every label scores 0; ${remedy}`);
}

/** How values are named that are one label. */
function oneLabelOf(values: ReadonlySet<number>): string {
  const ordered = [...values].sort((a, b) => a - b);
  const named = ordered.length <= 5 ? ordered.join(",") : `${ordered[0]}+ (${ordered[0]} and above)`;
  return `where several values are one label, name it: --labels name=${named}`;
}

function isMask(values: ReadonlySet<number>): boolean {
  return values.size === 1 && values.has(255);
}

/** So many values without one left out are hardly labels of which a model has none. */
const MANY_VALUES = 10;

function numbersObjects(values: ReadonlySet<number>): boolean {
  return values.size >= MANY_VALUES && Math.max(...values) - Math.min(...values) + 1 === values.size;
}

function someValues(values: readonly number[]): string {
  const shown = values
    .toSorted((a, b) => a - b)
    .slice(0, 5)
    .join(", ");
  const more = values.length > 5 ? ` and ${values.length - 5} more` : "";
  return `${values.length === 1 ? "value" : "values"} ${shown}${more}`;
}

/** Every case of the reference; one without a prediction is an error, as leaving it out would flatter. */
async function casesOf({ truth, pred, against, model }: EvaluateFlags, warnings: string[]): Promise<Case[]> {
  const single = await singleFile(truth);
  const truths = single === null ? await caseFiles(truth, "the folder of references") : [single];
  const find = async (path: string, what: string) => {
    const one = await singleFile(path);
    if ((one === null) !== (single === null)) {
      const kind = (file: CaseFile | null) => (file === null ? "a folder" : "a file");
      const message = `the reference is ${kind(single)} and the ${what} ${kind(one)}, expected two folders or two files`;
      throw new PipelineError("InputMismatch", message);
    }
    // Of two files whatever their names are.
    if (one !== null) return () => one;
    const files = (await resultFiles(path, model)) ?? (await caseFiles(path, `the folder of ${what}`));
    const unused = files.filter(({ name }) => !truths.some((file) => file.name === name)).map(({ name }) => name);
    if (unused.length > 0) {
      warnings.push(`${unused.length} of the ${what} have no reference and were left out (${someNames(unused)})`);
    }
    return (name: string, ordinal: number): CaseFile => {
      const file = files.find((candidate) => candidate.name === name);
      const subject = caseSubject(ordinal, name);
      if (file?.clash !== undefined) throw new PipelineError("InputMismatch", `${subject}: ${file.clash}`);
      if (file !== undefined) return file;
      throw new PipelineError("InputMismatch", `${subject} has a reference and is not among the ${what}`);
    };
  };
  const prediction = await find(pred, "predictions");
  const other = against === undefined ? null : await find(against, "predictions to compare with");
  return truths.map((file, n) => ({
    ordinal: n + 1,
    truth: file,
    prediction: prediction(file.name, n + 1),
    other: other?.(file.name, n + 1) ?? null,
  }));
}

async function scoreCase(
  { ordinal, truth, prediction, other }: Case,
  { labels, tolerance }: EvaluateFlags,
  options: ScoreOptions,
  progress: Progress,
): Promise<void> {
  const subject = caseSubject(ordinal, truth.name);
  const maps = [
    await readMap(truth, `the reference of ${subject}`),
    await readMap(prediction, `the prediction of ${subject}`),
    ...(other === null ? [] : [await readMap(other, `the other prediction of ${subject}`)]),
  ];
  const [reference, predicted, compared] = volumesOf(maps, subject);
  if (reference === undefined || predicted === undefined) throw new TypeError("a case has two maps");
  checkUnit(reference, subject, tolerance.unit, progress);
  progress.sizes.push(reference.size);
  const score = (map: LabelVolume, what: string, rows: EvaluationRow[]): void => {
    const found = evaluateCase(reference, map, labels ?? null, options, subject);
    for (const item of found.labels) {
      rows.push({ ordinal, case: truth.name, ...item });
      if (item.empty !== "truth") progress.inTruth.add(Number(item.label));
      if (item.empty !== "prediction") progress.inPrediction.add(Number(item.label));
    }
    for (const { value, where, voxels } of found.unscored) {
      if (where === "truth" && rows !== progress.rows) continue;
      const holder = where === "truth" ? "reference" : what;
      progress.warnings.push(
        `${subject}: the ${holder} has ${voxels} voxels of ${value}, which is of no label asked for`,
      );
    }
  };
  score(predicted, "prediction", progress.rows);
  if (compared !== undefined) score(compared, "other prediction", progress.others);
}

/** A mean over millimetres and pixels would mean nothing, nor would a tolerance in the other unit. */
function checkUnit({ spacingMm }: LabelVolume, subject: string, wanted: "mm" | "px" | null, progress: Progress): void {
  const unit = spacingMm === null ? "px" : "mm";
  const expected = wanted ?? progress.unit ?? unit;
  if (unit !== expected) {
    const found = unit === "px" ? "does not say how large a voxel is" : "says how large a voxel is";
    const why = wanted === null ? "the cases before it are measured" : "the tolerance is";
    throw new PipelineError("InputMismatch", `${subject} ${found}, while ${why} in ${expected}`);
  }
  progress.unit = unit;
}

function labelsFound({ rows, others, inTruth, warnings }: Progress): ScoredLabel[] {
  const values = [...new Set([...rows, ...others].map(({ label }) => Number(label)))].sort((a, b) => a - b);
  for (const value of values) {
    if (!inTruth.has(value)) warnings.push(`label ${value} occurs in predictions and in no reference`);
  }
  return values.map((value) => ({ name: String(value), values: [value] }));
}

/** Rows of every label in every case, those too that neither of its maps has. */
function completed(
  rows: readonly EvaluationRow[],
  cases: readonly Case[],
  labels: readonly ScoredLabel[],
  sizes: readonly Size3[],
  options: ScoreOptions,
): EvaluationRow[] {
  const known = new Map(rows.map((row) => [`${row.ordinal} ${row.label}`, row]));
  return cases.flatMap(({ ordinal, truth }, n) =>
    labels.map(({ name }) => {
      const row = known.get(`${ordinal} ${name}`);
      if (row !== undefined) return row;
      const scores = absentScores(sizes[n] ?? [0, 0, 0], options);
      return { ordinal, case: truth.name, label: name, empty: "both" as const, scores };
    }),
  );
}

function connectivityOf(text: EvaluateFlags["lesionConnectivity"]): 6 | 18 | 26 {
  return text === "6" ? 6 : text === "18" ? 18 : 26;
}
