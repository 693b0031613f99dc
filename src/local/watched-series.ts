import { closeSync, openSync, readSync } from "node:fs";
import { access, stat } from "node:fs/promises";
import { join } from "node:path";
import type { PipelineError } from "#src/core/errors.js";
import {
  type CompletenessRules,
  type FolderFacts,
  type JudgedInstance,
  type Judgement,
  judgeSeries,
} from "#src/intake/completeness.js";
import { readUpload } from "#src/intake/read-upload.js";
import { MARKER_NAME } from "#src/intake/scan-manifest.js";
import type { SourceDocument } from "#src/workflow/contract.js";
import type { LocalFiles } from "./take-in.js";
import { readLocalManifest } from "./take-in.js";

/** A file of a DICOM series, by its header. */
export interface LooseFile extends JudgedInstance {
  /** Path below the folder that is judged. */
  readonly file: string;
  readonly series: string;
  readonly uid: string;
}

/** A file as one of a DICOM series; null for any other file. */
export async function looseFile(root: string, file: string): Promise<LooseFile | null> {
  const path = join(root, file);
  const { size } = await stat(path);
  const source = { size, read: async (start: number, end: number) => readRange(path, start, end) };
  // The digest would stand for a UID that is missing; here the name does.
  const looked = await readUpload(source, async () => file);
  if (looked.kind !== "instance") return null;
  const { uid, place, declared } = looked.instance;
  return { file, series: looked.series, uid, place, declared };
}

/**
 * What files lack, or by what they are whole: each of their series by itself, as on AWS; files of no series by what
 * their folder says. Of several series the one that must wait longest decides, then the weakest evidence.
 */
export function judgeFiles(
  files: readonly LooseFile[],
  folder: FolderFacts,
  rules: CompletenessRules,
  at: Parameters<typeof judgeSeries>[3],
): Judgement {
  const series = new Map<string, Map<string, LooseFile>>();
  for (const file of files) {
    const instances = series.get(file.series) ?? new Map<string, LooseFile>();
    series.set(file.series, instances.set(file.uid, file));
  }
  const sets = series.size === 0 ? [[]] : [...series.values()].map((instances) => [...instances.values()]);
  const judged = sets.map((instances) => judgeSeries(instances, folder, rules, at));
  return judged.reduce((worst, one) => (rank(one) > rank(worst) ? one : worst));
}

/** Waiting goes before all, the longest first; then what is missing; then the weakest evidence. */
function rank(judgement: Judgement): number {
  if (judgement.kind === "wait") return 10 + judgement.until;
  if (judgement.kind === "incomplete") return 5;
  return ["manifest-count", "closing-marker", "header-count", "quiet-period"].indexOf(judgement.evidence);
}

/** What a folder on this machine says of the files in it, all of which were looked at. */
export async function localFolderFacts(folder: string, files: number): Promise<FolderFacts> {
  const { promised } = await readLocalManifest(folder, {});
  const isClosed = await access(join(folder, MARKER_NAME)).then(
    () => true,
    () => false,
  );
  return { promised, isClosed, files, known: files };
}

/** What the source document says of a judgement. */
export function judgedAs(
  judgement: Exclude<Judgement, { kind: "wait" }>,
  instances: number,
): NonNullable<LocalFiles["judged"]> {
  const isComplete = judgement.kind === "complete";
  const evidence = isComplete ? judgement.evidence : "none";
  const completeness: SourceDocument["completeness"] = { evidence, instances, supersedes: null };
  return isComplete
    ? { completeness }
    : { completeness, refused: { code: "SeriesIncomplete", message: judgement.reason } };
}

/** The same of a sub-folder that could not be looked through, whatever its files are. */
export function refusedFor({ code, message }: PipelineError, instances: number): NonNullable<LocalFiles["judged"]> {
  const completeness: SourceDocument["completeness"] = { evidence: "none", instances, supersedes: null };
  return { completeness, refused: { code: code === "InputUnsafe" ? code : "InputUnreadable", message } };
}

function readRange(path: string, start: number, end: number): Uint8Array {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(end - start);
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, start));
  } finally {
    closeSync(file);
  }
}
