import { join } from "node:path";
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
import { type CaseFile, caseFiles, readMap, volumesOf } from "./evaluate-files.js";
import { evaluationPage } from "./evaluate-page.js";
import { evaluationTable } from "./evaluate-table.js";
import { EXIT } from "./exit-codes.js";
import { writeWhole } from "./write-whole.js";

export interface EvaluateFlags {
  readonly truth: string;
  readonly pred: string;
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
  /** Values found in a reference. */
  readonly inTruth: Set<number>;
  unit: "mm" | "px" | null;
}

/** `scanlane evaluate`: scores of label maps against a reference. @returns exit code */
export async function evaluate(flags: EvaluateFlags): Promise<number> {
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
  const progress: Progress = { rows: [], others: [], warnings: [], sizes: [], inTruth: new Set(), unit: null };
  const cases = await casesOf(flags, progress.warnings);
  for (const item of cases) {
    signal?.throwIfAborted();
    await scoreCase(item, flags, options, progress);
  }

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

/** Every case of the reference; one without a prediction is an error, as leaving it out would flatter. */
async function casesOf({ truth, pred, against }: EvaluateFlags, warnings: string[]): Promise<Case[]> {
  const truths = await caseFiles(truth, "the folder of references");
  const find = async (folder: string, what: string) => {
    const files = await caseFiles(folder, `the folder of ${what}`);
    const unused = files.filter(({ name }) => !truths.some((file) => file.name === name)).length;
    if (unused > 0) warnings.push(`${unused} of the ${what} have no reference and were left out`);
    return (name: string, ordinal: number): CaseFile => {
      const file = files.find((candidate) => candidate.name === name);
      if (file !== undefined) return file;
      throw new PipelineError("InputMismatch", `case ${ordinal} has a reference and is not among the ${what}`);
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
  const subject = `case ${ordinal}`;
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
