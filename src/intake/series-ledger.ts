import { digestOf, type ScanId } from "#src/core/ids.js";
import type { Evidence } from "#src/workflow/contract.js";
import type { SeriesInstance } from "./completeness.js";

/** Where a series of loose files lies, and which one it is. */
export interface SeriesPlace {
  readonly bucket: string;
  /** The part of the keys up to their last slash, with it; empty at the top. */
  readonly folder: string;
  /** `seriesKey` of its files. */
  readonly series: string;
}

/** One set of instances of a series that was judged, and its run. */
export interface SeriesVersion {
  readonly scanId: ScanId;
  readonly evidence: Evidence;
  readonly instances: number;
  readonly supersedes: ScanId | null;
  /** Whether its execution is known to be started. Until then whoever looks at the series starts it. */
  readonly isStarted: boolean;
}

/** What is remembered of a series beside its instances. */
export interface SeriesHead {
  readonly place: SeriesPlace;
  /** Goes up with each change: a writer that saw an older one is refused. */
  readonly revision: number;
  readonly version: SeriesVersion | null;
  /** When somebody will look again, in milliseconds; 0 for never. */
  readonly checkAt: number;
}

/** Instances of one series: a scan has no more files (`expandUpload`). A series of more is set aside. */
export const MAX_INSTANCES = 20_000;

/** A series as the ledger has it. */
export interface LedgerSeries {
  readonly head: SeriesHead;
  readonly instances: readonly SeriesInstance[];
}

/**
 * What intake remembers: the SOP instances of each series of loose files, which objects were seen, and which scans were
 * started. Every write is conditional, so that events may come twice, late, in any order and to several at once.
 */
export interface SeriesLedger {
  /**
   * Enters an instance, unless a later state of it (`order`) is there. Its series is there afterwards, unless somebody
   * else forgot it meanwhile: then `read` does not find it, and to enter the instance again makes it.
   */
  record(seriesId: string, place: SeriesPlace, instance: SeriesInstance): Promise<void>;
  /**
   * The series with every instance that was entered before the call, or with more than `MAX_INSTANCES` of them; null for
   * an unknown one.
   */
  read(seriesId: string): Promise<LedgerSeries | null>;
  /** Replaces the head if its revision is still that of `before`. @returns whether it was */
  replaceHead(seriesId: string, before: SeriesHead, after: Omit<SeriesHead, "revision" | "place">): Promise<boolean>;
  /** Ids of the series of a folder. */
  seriesIn(folderId: string): Promise<readonly string[]>;
  /** Remembers an id for good: of an object that was seen, of a scan that was started. */
  remember(id: string): Promise<void>;
  /** How many of these ids are remembered. */
  countRemembered(ids: readonly string[]): Promise<number>;
  /**
   * Counts one run of a day.
   *
   * @param countedAs what is counted apart from others
   * @returns false, and nothing is counted, where `limit` runs were counted before
   */
  takeRun(day: string, countedAs: string, limit: number): Promise<boolean>;
}

/** A ledger of which records can be removed. */
export interface ErasableLedger extends SeriesLedger {
  /** Removes a series with its instances, and from its folder's list. */
  forgetSeries(seriesId: string, place: SeriesPlace): Promise<void>;
  /** Removes what `remember` entered. */
  forget(ids: readonly string[]): Promise<void>;
}

/** Names say nothing of a patient: keys and UIDs are hashed. */
export const ledgerIds = {
  series: (place: SeriesPlace) => `q-${digestOf([place.bucket, place.folder, place.series]).slice(0, 40)}`,
  folder: (bucket: string, folder: string) => `f-${digestOf([bucket, folder]).slice(0, 40)}`,
  day: (day: string, countedAs: string) => `d-${day}-${digestOf(countedAs).slice(0, 40)}`,
  object: (bucket: string, key: string) => `o-${digestOf([bucket, key]).slice(0, 40)}`,
} as const;
