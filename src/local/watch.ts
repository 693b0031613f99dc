import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PipelineError } from "#src/core/errors.js";
import type { CompletenessRules } from "#src/intake/completeness.js";
import { roleOfName } from "#src/intake/upload-names.js";
import { filesOfPath } from "./open-path.js";
import { isUpload, type LocalFiles } from "./take-in.js";
import { judgedAs, judgeFiles, type LooseFile, localFolderFacts, looseFile } from "./watched-series.js";

/** How long an upload must not change before it is looked at. */
export const STABLE_SECONDS = 2;
const POLL_SECONDS = 0.25;

/** An upload of a watched folder. */
export interface WatchedUpload extends LocalFiles {
  /** What to call it: a file's or folder's name, of a series that of its first file. */
  readonly name: string;
}

/** One name in the folder. */
interface Entry {
  /** Sizes and times of change. */
  readonly state: string;
  /** Since when it is that, in milliseconds. */
  readonly since: number;
  isTaken: boolean;
  /** A folder's files, or the file itself, once they were looked at; null for a file that is of no series. */
  looked?: { readonly files: readonly string[]; readonly loose: readonly LooseFile[] };
}

/**
 * Uploads of a folder as they become complete. A file that is no loose DICOM image is one upload, taken when its size
 * and time of change have been the same for `STABLE_SECONDS`. A sub-folder is one upload, and so is each series of loose
 * DICOM files: taken when, moreover, they are complete by the rules that hold on AWS too (`judgeSeries`), or when they
 * were waited for long enough. Hidden names and names that end in `.partial` or `.tmp` are never taken. Polling, because
 * change events are lost on network drives and in containers.
 *
 * @returns uploads, each once per state of its content
 * @throws {PipelineError} `StoreMissing` when the folder is not there, at first or any more
 */
export async function* watchFolder(
  folder: string,
  rules: CompletenessRules,
  signal: AbortSignal,
): AsyncGenerator<WatchedUpload> {
  const entries = new Map<string, Entry>();
  while (!signal.aborted) {
    const now = performance.now();
    const names = (await namesIn(folder)).filter((name) => roleOfName(name) === "upload").sort();
    await refresh(entries, folder, names, now);
    const stable = names.flatMap((name) => {
      const entry = entries.get(name);
      return entry !== undefined && now - entry.since >= STABLE_SECONDS * 1000 ? [{ name, entry }] : [];
    });
    for (const { name, entry } of stable) {
      if (entry.isTaken) continue;
      const upload = await uploadOf(folder, name, entry, rules, now);
      if (upload === null) continue;
      entry.isTaken = true;
      yield upload;
    }
    const isSettled = stable.length === entries.size;
    for (const group of seriesOf(stable)) {
      const upload = await uploadOfSeries(folder, group, isSettled ? stable.length : null, rules, now);
      if (upload === null) continue;
      for (const { entry } of group) entry.isTaken = true;
      yield upload;
    }
    await sleep(POLL_SECONDS * 1000, undefined, { signal }).catch(() => {});
  }
}

/** Brings what is known of each name up to date; what went away is forgotten. */
async function refresh(entries: Map<string, Entry>, folder: string, names: readonly string[], now: number) {
  for (const name of entries.keys()) if (!names.includes(name)) entries.delete(name);
  for (const name of names) {
    const state = await stateOf(join(folder, name));
    if (state === null) entries.delete(name);
    else if (entries.get(name)?.state !== state) entries.set(name, { state, since: now, isTaken: false });
  }
}

/** A file that is of no series, or a sub-folder that is complete; null for what must wait. */
async function uploadOf(
  folder: string,
  name: string,
  entry: Entry,
  rules: CompletenessRules,
  now: number,
): Promise<WatchedUpload | null> {
  const path = join(folder, name);
  const isFolder = (await stat(path).catch(() => null))?.isDirectory();
  if (isFolder === undefined) return null;
  if (!isFolder) {
    entry.looked ??= { files: [name], loose: await looseFiles(folder, [name]) };
    return entry.looked.loose.length === 0 ? { name, root: folder, files: [name] } : null;
  }
  if (entry.looked === undefined) {
    const files = (await filesOfPath(path)).files.filter(isUpload);
    entry.looked = { files, loose: await looseFiles(path, files) };
  }
  const { files, loose } = entry.looked;
  const facts = await localFolderFacts(path, files.length);
  const judgement = judgeFiles(loose, facts, rules, { now, lastSeen: entry.since, isLate: false });
  if (judgement.kind === "wait") return null;
  return { name, root: path, files, judged: judgedAs(judgement, Math.max(1, loose.length)) };
}

type Stable = { readonly name: string; readonly entry: Entry };

/** Loose files of the folder itself by their series, where one of them is new. */
function seriesOf(stable: readonly Stable[]): Stable[][] {
  const groups = new Map<string, Stable[]>();
  for (const one of stable) {
    const [loose, ...more] = one.entry.looked?.loose ?? [];
    if (loose === undefined || more.length > 0 || loose.file !== one.name) continue;
    groups.set(loose.series, [...(groups.get(loose.series) ?? []), one]);
  }
  return [...groups.values()].filter((group) => group.some(({ entry }) => !entry.isTaken));
}

/** @param files number of files of the folder; null while some of them are still written */
async function uploadOfSeries(
  folder: string,
  group: readonly Stable[],
  files: number | null,
  rules: CompletenessRules,
  now: number,
): Promise<WatchedUpload | null> {
  const loose = group.flatMap(({ entry }) => entry.looked?.loose ?? []);
  const facts = await localFolderFacts(folder, files ?? group.length);
  // A file that is still written may be the one that closes the folder.
  if (files === null && facts.isClosed) return null;
  const lastSeen = Math.max(...group.map(({ entry }) => entry.since));
  const isLate = group.some(({ entry }) => entry.isTaken);
  const judgement = judgeFiles(loose, facts, rules, { now, lastSeen, isLate });
  if (judgement.kind === "wait") return null;
  const names = group.map(({ name }) => name);
  const name = names.length === 1 ? (names[0] ?? "") : `${names[0]} and ${names.length - 1} more`;
  return { name, root: folder, files: names, judged: judgedAs(judgement, names.length) };
}

/** Those of the files that are DICOM images; what cannot be read is refused by name when it is run. */
async function looseFiles(root: string, files: readonly string[]): Promise<LooseFile[]> {
  const found = await Promise.all(files.map((file) => looseFile(root, file).catch(() => null)));
  return found.filter((file) => file !== null);
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", "inbox is not there, expected a folder", { cause });
  });
}

/** Sizes and times of change as one text; null while something is unfinished, empty or just went away. */
async function stateOf(path: string): Promise<string | null> {
  try {
    const info = await stat(path);
    if (info.isFile()) return `${info.size} ${info.mtimeMs}`;
    if (!info.isDirectory()) return null;
    const names = (await readdir(path, { recursive: true })).sort();
    if (names.length === 0 || names.some((name) => name.endsWith(".partial") || name.endsWith(".tmp"))) return null;
    const infos = await Promise.all(names.map(async (name) => ({ name, ...(await stat(join(path, name))) })));
    return infos.map(({ name, size, mtimeMs }) => `${name} ${size} ${mtimeMs}`).join("\n");
  } catch {
    return null;
  }
}
