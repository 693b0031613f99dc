import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PipelineError } from "#src/core/errors.js";
import type { CompletenessRules } from "#src/intake/completeness.js";
import { walkFolder } from "./folder-walk.js";
import { assertApart } from "./own-below.js";
import { isUpload, type LocalFiles } from "./take-in.js";
import { type Looked, type Seen, WatchedEntries, type WatchedEntry } from "./watched-entries.js";
import { judgedAs, judgeFiles, type LooseFile, localFolderFacts, looseFile, refusedFor } from "./watched-series.js";

const POLL_SECONDS = 0.25;

/** An upload of a watched folder, a series by the name of its first file. */
export type WatchedUpload = LocalFiles;

/** A folder that is watched, and how. */
interface Inbox {
  readonly folder: string;
  readonly rules: CompletenessRules;
  readonly own: readonly string[];
  readonly signal: AbortSignal;
  readonly entries: WatchedEntries;
}

/**
 * Uploads of a folder as they become complete. A file that is no loose DICOM image is one upload, taken when its size
 * and time of change have been the same for `STABLE_SECONDS`. A sub-folder is one upload, and so is each series of loose
 * DICOM files: taken when, moreover, they are complete by the rules that hold on AWS too (`judgeSeries`), or when they
 * were waited for long enough. So is a sub-folder with links that lead nowhere, back or to a folder outside, or that may
 * not be read: an upload that is refused. Hidden names and names that end in `.partial` or `.tmp` are never taken. Polling, because
 * change events are lost on network drives and in containers.
 *
 * Whoever takes an upload may work on it for long before asking for the next one: nothing is given that was not looked
 * at since.
 *
 * @param own what is written by whoever watches (absolute paths): never taken
 * @returns uploads, each once per state of its content
 * @throws {PipelineError} `StoreMissing` when the folder is not there, at first or any more, `InputMismatch` for one that
 *   is among `own`
 */
export async function* watchFolder(
  folder: string,
  rules: CompletenessRules,
  signal: AbortSignal,
  own: readonly string[] = [],
): AsyncGenerator<WatchedUpload> {
  await assertApart(folder, own);
  const inbox = { folder, rules, own, signal, entries: new WatchedEntries(folder, own) };
  while (!signal.aborted) {
    const seen = yield* singleUploads(inbox);
    yield* seriesUploads(inbox, seen);
    await sleep(POLL_SECONDS * 1000, undefined, { signal }).catch(() => {});
  }
}

/**
 * Each name of a look has its turn: one that changes all the time keeps none from being taken.
 *
 * @returns what was seen; null where that may be long ago
 */
async function* singleUploads(inbox: Inbox): AsyncGenerator<WatchedUpload, Seen | null> {
  let seen: Seen | null = await inbox.entries.look();
  for (const entry of seen.stable) {
    if (inbox.signal.aborted) return seen;
    if (entry.isTaken) continue;
    const upload = await uploadOf(inbox, entry);
    if (upload === null || !(await inbox.entries.isStill(entry))) continue;
    entry.isTaken = true;
    yield upload;
    seen = null;
  }
  return seen;
}

/** The same of series: each has its turn, and before each turn files are looked for that came to it. */
async function* seriesUploads(inbox: Inbox, first: Seen | null): AsyncGenerator<WatchedUpload> {
  const served = new Set<string>();
  let seen = first;
  for (let isOver = false; !isOver && !inbox.signal.aborted; seen = null) {
    isOver = true;
    const { stable, unsettled } = seen ?? (await inbox.entries.look());
    for (const entry of [...stable, ...unsettled]) if (!entry.isFolder) await lookAt(inbox, entry);
    const arriving = groupsOf(unsettled);
    for (const [series, group] of groupsOf(stable)) {
      if (group.every(({ isTaken }) => isTaken)) continue;
      if (served.has(series) || arriving.has(series)) continue;
      served.add(series);
      const upload = await uploadOfSeries(inbox, group, unsettled.length === 0 ? stable.length : null);
      if (upload === null) continue;
      for (const entry of group) entry.isTaken = true;
      yield upload;
      isOver = false;
      break;
    }
  }
}

/** A file that is of no series, or a sub-folder that is complete; null for what must wait. */
async function uploadOf(inbox: Inbox, entry: WatchedEntry): Promise<WatchedUpload | null> {
  const { folder, rules } = inbox;
  const { name, isFolder, since } = entry;
  const { files, loose, problem } = await lookAt(inbox, entry);
  const root = join(folder, name);
  if (problem !== null) {
    const waited = performance.now() - since;
    return waited < rules.maxWaitSeconds * 1000
      ? null
      : { name, root, files, judged: refusedFor(problem, files.length) };
  }
  // A folder without a file yet, or something that just went away.
  if (files.length === 0) return null;
  if (!isFolder) return loose.length === 0 ? { name, root: folder, files } : null;
  const facts = await localFolderFacts(root, files.length);
  const judgement = judgeFiles(loose, facts, rules, { now: performance.now(), lastSeen: since, isLate: false });
  if (judgement.kind === "wait") return null;
  return { name, root, files, judged: judgedAs(judgement, Math.max(1, loose.length)) };
}

/** What an entry holds, looked at once in each of its states. */
async function lookAt({ folder, own }: Inbox, entry: WatchedEntry): Promise<Looked> {
  if (entry.looked !== undefined) return entry.looked;
  const root = entry.isFolder ? join(folder, entry.name) : folder;
  const { files, problem } = entry.isFolder ? await filesNow(root, own) : { files: [entry.name], problem: null };
  const looked = { files, loose: await looseFiles(root, files), problem };
  if (files.length > 0) entry.looked = looked;
  return looked;
}

/** Files of an upload in a sub-folder; none where it holds none yet or went away. */
async function filesNow(path: string, own: readonly string[]): Promise<Pick<Looked, "files" | "problem">> {
  try {
    const { files, problem } = await walkFolder(path, own, { isConfined: true });
    return { files: files.filter(isUpload), problem };
  } catch (error) {
    if (error instanceof PipelineError && error.code === "StoreMissing") return { files: [], problem: null };
    throw error;
  }
}

/** Loose files of the folder itself by their series. */
function groupsOf(entries: readonly WatchedEntry[]): Map<string, WatchedEntry[]> {
  const groups = new Map<string, WatchedEntry[]>();
  for (const entry of entries) {
    const [loose] = entry.looked?.loose ?? [];
    if (loose === undefined || entry.isFolder) continue;
    groups.set(loose.series, [...(groups.get(loose.series) ?? []), entry]);
  }
  return groups;
}

/** @param files number of files of the folder; null while some of them are still written */
async function uploadOfSeries(
  { folder, rules }: Inbox,
  group: readonly WatchedEntry[],
  files: number | null,
): Promise<WatchedUpload | null> {
  const loose = group.flatMap(({ looked }) => looked?.loose ?? []);
  const facts = await localFolderFacts(folder, files ?? group.length);
  // A file that is still written may be the one that closes the folder.
  if (files === null && facts.isClosed) return null;
  const lastSeen = Math.max(...group.map(({ since }) => since));
  const isLate = group.some(({ isTaken }) => isTaken);
  const judgement = judgeFiles(loose, facts, rules, { now: performance.now(), lastSeen, isLate });
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
