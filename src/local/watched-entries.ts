import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { roleOfName } from "#src/intake/upload-names.js";
import { walkFolder } from "./folder-walk.js";
import { isInside } from "./is-inside.js";
import { ownBelow } from "./own-below.js";
import type { LooseFile } from "./watched-series.js";

/** How long an upload must not change before it is looked at. */
export const STABLE_SECONDS = 2;

/** What a name in a watched folder stands for: a folder's files, or the file itself, and which are of a series. */
export interface Looked {
  /** Paths below the watched folder's, or below the sub-folder's. */
  readonly files: readonly string[];
  readonly loose: readonly LooseFile[];
  /** Why a sub-folder may hold more than these. */
  readonly problem: PipelineError | null;
}

/** One name in a watched folder. */
export interface WatchedEntry {
  readonly name: string;
  readonly isFolder: boolean;
  /** Sizes and times of change. */
  readonly state: string;
  /** Since when it is that, in milliseconds. */
  readonly since: number;
  isTaken: boolean;
  /** Once it was looked at. */
  looked?: Looked;
}

/** Names of a watched folder, in their order. */
export interface Seen {
  /** What has not changed for `STABLE_SECONDS`. */
  readonly stable: readonly WatchedEntry[];
  /** What may still be written. */
  readonly unsettled: readonly WatchedEntry[];
}

/** What is known of each name in a watched folder. */
export class WatchedEntries {
  readonly #folder: string;
  readonly #own: readonly string[];
  readonly #entries = new Map<string, WatchedEntry>();

  /** @param own what whoever watches writes itself: never seen */
  constructor(folder: string, own: readonly string[]) {
    this.#folder = folder;
    this.#own = own;
  }

  /**
   * Brings all of it up to date; what went away is forgotten.
   *
   * @throws {PipelineError} `StoreMissing` when the folder is not there
   */
  async look(): Promise<Seen> {
    const own = await ownBelow(this.#folder, this.#own);
    const names = (await namesIn(this.#folder))
      .filter((name) => roleOfName(name) === "upload" && !own.some((one) => isInside(name, one)))
      .sort();
    for (const name of this.#entries.keys()) if (!names.includes(name)) this.#entries.delete(name);
    const now = performance.now();
    for (const name of names) await this.#refresh(name, now);
    const known = names.flatMap((name) => this.#entries.get(name) ?? []);
    const isStable = ({ since }: WatchedEntry) => now - since >= STABLE_SECONDS * 1000;
    return { stable: known.filter(isStable), unsettled: known.filter((entry) => !isStable(entry)) };
  }

  /** Whether it is as it was at the last look. */
  async isStill(entry: WatchedEntry): Promise<boolean> {
    await this.#refresh(entry.name, performance.now());
    return this.#entries.get(entry.name) === entry;
  }

  async #refresh(name: string, now: number): Promise<void> {
    const found = await stateOf(join(this.#folder, name), this.#own);
    if (found === null) this.#entries.delete(name);
    else if (this.#entries.get(name)?.state !== found.state) {
      this.#entries.set(name, { name, ...found, since: now, isTaken: false });
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", "inbox is not there, expected a folder", { cause });
  });
}

/** Names of what is still written. */
const UNFINISHED = /\.(?:partial|tmp)(?:\/|$)/;

/** Sizes and times of change as one text; null while something is unfinished, empty or just went away. */
async function stateOf(
  path: string,
  notOf: readonly string[],
): Promise<Pick<WatchedEntry, "state" | "isFolder"> | null> {
  try {
    const info = await stat(path);
    if (info.isFile()) return { state: `${info.size} ${info.mtimeMs}`, isFolder: false };
    if (!info.isDirectory()) return null;
    // Programs that copy write to hidden names first.
    const walked = await walkFolder(path, notOf, { isConfined: true, withHidden: true });
    const names = [...walked.files, ...walked.hidden];
    if ([...names, ...walked.folders].some((name) => UNFINISHED.test(name))) return null;
    const problem = walked.problem === null ? [] : [walked.problem.message];
    if (names.length + problem.length === 0) return null;
    const infos = await Promise.all(names.map(async (name) => ({ name, ...(await stat(join(path, name))) })));
    const states = infos.map(({ name, size, mtimeMs }) => `${name} ${size} ${mtimeMs}`);
    return { state: [...states, ...problem].join("\n"), isFolder: true };
  } catch {
    return null;
  }
}
