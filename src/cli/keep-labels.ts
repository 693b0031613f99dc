import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { exitCodeOf, PipelineError } from "#src/core/errors.js";
import { printable } from "#src/core/printable.js";
import { RESULT_FILES } from "#src/storage/keys.js";
import { caseNameOf } from "./case-name.js";
import type { DescribedOutcome } from "./describe-run.js";
import { EXIT } from "./exit-codes.js";
import { toldError } from "./told-error.js";
import { writeWhole } from "./write-whole.js";

/**
 * What label maps of uploads are called, in their order: after their files and folders, without endings. Of names that
 * are the same the second one ends in `-2`.
 */
export function labelNames(paths: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return paths.map((path) => {
    const stem = caseNameOf(basename(path));
    let name = stem;
    for (let n = 2; taken.has(name); n++) name = `${stem}-${n}`;
    taken.add(name);
    return name;
  });
}

/** Where label maps of a command's uploads go. */
export interface LabelPlace {
  readonly folder: string;
  /** What this upload's are called, without ending. */
  readonly name: string;
  /** Files that the command wrote there, filled here: none takes the place of another. */
  readonly written: Set<string>;
}

/** Copies the label map of a result, of pictures a PNG. @param target path without ending */
export async function keepLabels(folder: string, target: string): Promise<void> {
  const { file, ending } = labelsOf(folder);
  await writeWhole(`${target}${ending}`, await readFile(file));
}

/**
 * Label maps of an upload in a folder, by its name. Of several images each ends as the table of runs calls it: `a-t0`.
 *
 * @returns what was not written, for people, and the exit code of the worst: a de-identified result has no name, which is
 *   no failure
 */
export async function keepAllLabels(
  outcomes: readonly DescribedOutcome[],
  place: LabelPlace,
): Promise<{ readonly left: readonly string[]; readonly exitCode: number }> {
  const left: string[] = [];
  let exitCode: number = EXIT.ok;
  for (const outcome of outcomes) {
    if (outcome.kind !== "published") continue;
    if (outcome.result.deidentified !== undefined) {
      left.push("a de-identified label map gets no file named after its upload");
      continue;
    }
    const name = `${place.name}${outcomes.length > 1 ? `-${outcome.subject}` : ""}${labelsOf(outcome.folder).ending}`;
    try {
      await keepOne(outcome.folder, name, place);
    } catch (thrown) {
      const { code, message } = toldError(thrown);
      left.push(`label map ${printable(name)} was not written: ${code}: ${message}`);
      exitCode = Math.max(exitCode, exitCodeOf(code));
    }
  }
  return { left, exitCode };
}

async function keepOne(result: string, name: string, { folder, written }: LabelPlace): Promise<void> {
  // `a-t0.nii` and the first image of `a.zip` are called alike.
  if (written.has(name)) {
    throw new PipelineError("InputMismatch", "this command wrote one of that name already, expected names to differ");
  }
  written.add(name);
  await writeWhole(join(folder, name), await readFile(labelsOf(result).file));
}

function labelsOf(folder: string): { readonly file: string; readonly ending: string } {
  const picture = join(folder, RESULT_FILES.labelsPng);
  return existsSync(picture)
    ? { file: picture, ending: ".png" }
    : { file: join(folder, RESULT_FILES.labels), ending: ".nii.gz" };
}
