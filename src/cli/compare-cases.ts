import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import type { ScoredLabel } from "#src/evaluate/evaluate-case.js";
import { caseNameOf, caseSubject, someNames } from "./case-name.js";
import type { ComparedCase } from "./compare-runs.js";
import { type CaseFile, caseFiles, readMap, volumesOf } from "./evaluate-files.js";

/** The labelled images of a comparison. */
export interface ComparedData {
  readonly cases: readonly ComparedCase[];
  /** Every value that occurs in a reference. */
  readonly labels: readonly ScoredLabel[];
}

/**
 * Images and label maps of the same names without endings. Every label map is read, so that what is wrong with one
 * shows before hours of scans.
 *
 * @throws {PipelineError} `StoreMissing`, `NoImage`, `InputMismatch` and what `readMap` throws
 */
export async function comparedData(data: string): Promise<ComparedData> {
  const references = await caseFiles(join(data, "labels"), 'the folder "labels" of the data');
  const root = join(data, "images");
  const files = await readdir(root).catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", 'the folder "images" of the data is not there, expected a folder', {
      cause,
    });
  });
  const shown = files.filter((name) => !name.startsWith(".")).sort();
  if (shown.length === 0) throw new PipelineError("NoImage", "data holds no image, expected at least one");
  const cases = shown.map((file) => ({ name: caseNameOf(file), file, root }));
  const known = new Set(references.map(({ name }) => name));
  const without = cases.filter(({ name }) => !known.has(name)).map(({ file }) => file);
  if (without.length > 0 || cases.length !== references.length) {
    const which = without.length === 0 ? "" : ` (${someNames(without)})`;
    const maps = `${references.length} label maps`;
    const found = `${cases.length} images, of which ${without.length} have no label map${which}, and ${maps}`;
    throw new PipelineError("InputMismatch", `data holds ${found}, expected a label map for each image`);
  }
  return { cases, labels: await labelsOf(references) };
}

async function labelsOf(references: readonly CaseFile[]): Promise<ScoredLabel[]> {
  const occurs = new Uint8Array(65_536);
  for (const [n, reference] of references.entries()) {
    const subject = `the reference of ${caseSubject(n + 1, reference.name)}`;
    for (const { data } of volumesOf([await readMap(reference, subject)], subject)) {
      for (const value of data) occurs[value] = 1;
    }
  }
  const values = [...occurs.keys()].filter((value) => value > 0 && occurs[value] === 1);
  if (values.length === 0) throw new PipelineError("InputMismatch", "no label occurs in any reference");
  return values.map((value) => ({ name: String(value), values: [value] }));
}
