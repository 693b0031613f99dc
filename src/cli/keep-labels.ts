import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { RESULT_FILES } from "#src/storage/keys.js";
import { caseNameOf } from "./case-name.js";
import type { DescribedOutcome } from "./describe-run.js";
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

/** Copies the label map of a result, of pictures a PNG. @param target path without ending */
export async function keepLabels(folder: string, target: string): Promise<void> {
  const isPicture = existsSync(join(folder, RESULT_FILES.labelsPng));
  const file = isPicture ? RESULT_FILES.labelsPng : RESULT_FILES.labels;
  await writeWhole(`${target}${isPicture ? ".png" : ".nii.gz"}`, await readFile(join(folder, file)));
}

/**
 * Label maps of an upload in a folder, by its name. Of several images each ends as the table of runs calls it: `a-t0`.
 *
 * @returns what was not written, for people: a de-identified result has no name
 */
export async function keepAllLabels(
  outcomes: readonly DescribedOutcome[],
  folder: string,
  name: string,
): Promise<string[]> {
  const left: string[] = [];
  for (const outcome of outcomes) {
    if (outcome.kind !== "published") continue;
    const ending = outcomes.length > 1 ? `-${outcome.subject}` : "";
    if (outcome.result.deidentified !== undefined)
      left.push("a de-identified label map gets no file named after its upload");
    else await keepLabels(outcome.folder, join(folder, `${name}${ending}`));
  }
  return left;
}
