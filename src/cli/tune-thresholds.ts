import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import { decidesAnew, type RefineStep, RefineSteps } from "#src/model/refine-steps.js";
import { type TunedStep, type TuningCase, type TuningRule, tuneThresholds } from "#src/refine/tune-thresholds.js";
import { RESULT_FILES } from "#src/storage/keys.js";
import { caseNameOf, caseSubject } from "./case-name.js";
import { assertOneNaming, assertSameGrid, readLabelMap, readProbabilities } from "./read-probabilities.js";
import { resultCases } from "./result-cases.js";
import { writeWhole } from "./write-whole.js";

export interface TuneFlags {
  readonly probabilities: string;
  readonly truth: string;
  readonly label: number;
  /** Of a folder of results: those of this model. */
  readonly model?: string;
  /** As of `refine`: which labels the channels are of. */
  readonly channels?: readonly number[];
  readonly regions?: readonly number[];
  readonly rule: "threshold" | "triplet";
  readonly scope: "volume" | "slice";
  readonly thresholds?: readonly number[];
  readonly minVoxels?: readonly number[];
  readonly manifest?: string;
  readonly json?: boolean;
}

const DEFAULT_THRESHOLDS = Array.from({ length: 19 }, (_, n) => (n + 1) / 20);
const DEFAULT_MIN_VOXELS = [1, 10, 30, 100, 300, 1000, 3000];

/**
 * `scanlane tune-thresholds`: the thresholds of one label that give the best mean Dice over validation cases, and
 * their step put first in a manifest. What was found is printed before a manifest refuses it.
 */
export async function tuneThresholdsOf(flags: TuneFlags): Promise<void> {
  const cases = await readCases(flags);
  const tuned = tuneThresholds(cases, flags.label, ruleOf(flags));
  print(tuned, cases.length, flags.json === true);
  if (flags.manifest !== undefined) await writeToManifest(resolve(flags.manifest), tuned.step);
}

function print(tuned: TunedStep, cases: number, asJson: boolean): void {
  if (asJson) {
    console.log(JSON.stringify({ ...tuned, cases }, null, 2));
    return;
  }
  const at = (dice: number): string => dice.toFixed(4);
  console.log(`mean Dice ${at(tuned.meanDice)} over ${cases} cases (at 0.5: ${at(tuned.meanDiceAtHalf)})`);
  console.log(`best of ${tuned.tried}: ${JSON.stringify(tuned.step)}`);
}

function ruleOf({ rule, scope, thresholds, minVoxels }: TuneFlags): TuningRule {
  const grid = (thresholds ?? DEFAULT_THRESHOLDS).toSorted((a, b) => a - b);
  if (rule === "threshold") return { kind: "threshold", probability: grid };
  const areas = (minVoxels ?? DEFAULT_MIN_VOXELS).toSorted((a, b) => a - b);
  return { kind: "score-triplet", topScore: grid, bottomScore: grid, minVoxels: areas, scope };
}

/** Every truth that has probabilities of the same name; one without the other is an error. */
async function readCases({ probabilities, truth, label, model, channels, regions }: TuneFlags): Promise<TuningCase[]> {
  assertOneNaming(regions, channels);
  const found = await probabilitiesIn(probabilities, model);
  const truths = await namesIn(truth, "the folder of truths");
  if (truths.length === 0) throw new PipelineError("NoImage", "the folder of truths holds no .nii or .nii.gz file");
  const cases: TuningCase[] = [];
  for (const [n, name] of truths.entries()) {
    const subject = caseSubject(n + 1, caseNameOf(name));
    const own = found.find((candidate) => candidate.name === caseNameOf(name));
    if (own?.clash !== undefined) throw new PipelineError("InputMismatch", `${subject}: ${own.clash}`);
    if (own === undefined) throw new PipelineError("InputMismatch", `${subject} has a truth but no probabilities`);
    const maps = await readProbabilities(own.path, regions, channels).catch((error: unknown) => {
      if (!(error instanceof PipelineError)) throw error;
      throw new PipelineError(error.code, `${subject}: ${error.message}`, { cause: error });
    });
    const values = maps?.byLabel.get(label);
    if (maps === null || values === undefined) {
      const has = maps === null ? "a label map" : `labels ${[...maps.byLabel.keys()].join(", ")}`;
      throw new PipelineError("InputMismatch", `${subject} has no probabilities of label ${label}, but ${has}`);
    }
    const expected = await readLabelMap(join(resolve(truth), name), `the truth of ${subject}`);
    assertSameGrid({ ...(maps.grid ?? expected), size: maps.size }, expected, `${subject}, probabilities and truth:`);
    cases.push({
      probability: values,
      truth: Uint8Array.from(expected.data, (value) => (value === label ? 1 : 0)),
      sliceVoxels: maps.size[0] * maps.size[1],
    });
  }
  return cases;
}

interface FoundProbabilities {
  readonly name: string;
  readonly path: string;
  readonly clash?: string;
}

/** Files and folders by the names of their cases; of a folder of results by those of the uploads. */
async function probabilitiesIn(folder: string, model?: string): Promise<readonly FoundProbabilities[]> {
  const results = await resultCases(folder, model);
  if (results !== null) return results.map((one) => ({ ...one, path: join(one.folder, RESULT_FILES.probabilities) }));
  const names = await namesIn(folder, "the folder of probabilities");
  return names.map((name) => ({ name: caseNameOf(name), path: join(resolve(folder), name) }));
}

async function namesIn(folder: string, subject: string): Promise<string[]> {
  const names = await readdir(resolve(folder)).catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", `${subject} is not there, expected a folder`, { cause });
  });
  return names.filter((name) => !name.startsWith(".")).sort();
}

const WithSteps = z.looseObject({ postprocess: RefineSteps });

/**
 * Put first, as it decides anew, in place of those that decided for the same label.
 *
 * @throws {PipelineError} `ModelInvalid` where another step would undo it: thresholds are chosen on the network's
 *   probabilities, so they do not go behind a CRF, which makes others
 */
async function writeToManifest(path: string, step: TunedStep["step"]): Promise<void> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", "the manifest is not there", { cause });
  });
  const parsed = WithSteps.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new PipelineError("ModelInvalid", `the manifest's postprocess: ${parsed.error.issues[0]?.message}`);
  }
  const others = parsed.data.postprocess.filter((old) => !isReplaced(old, step));
  const fitting = RefineSteps.safeParse([step, ...others]);
  if (!fitting.success) {
    const problem = fitting.error.issues[0]?.message;
    throw new PipelineError("ModelInvalid", `the manifest leaves no place for the tuned step: ${problem}`);
  }
  const manifest = { ...parsed.data, postprocess: fitting.data };
  await writeWhole(path, `${JSON.stringify(manifest, null, 2)}\n`);
}

function isReplaced(old: RefineStep, step: TunedStep["step"]): boolean {
  const isSameLabel = "labels" in old && old.labels.join() === step.labels.join();
  return isSameLabel && (old.kind === step.kind || decidesAnew(old));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PipelineError("ModelInvalid", "the manifest is not JSON", { cause });
  }
}
