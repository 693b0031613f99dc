import type { ScanId } from "#src/core/ids.js";
import type { Logger } from "#src/core/logger.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { readDocument, readDocumentIfValid, writeDocument } from "#src/stages/documents.js";
import { resultKeys, workKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { HeldRecord, SourceDocument } from "#src/workflow/contract.js";
import type { UploadRule } from "#src/workflow/upload-rules.js";
import type { SeriesLedger } from "./series-ledger.js";

/** What runs are begun with. */
export interface BeginDeps {
  readonly ledger: SeriesLedger;
  readonly work: ScanStore;
  readonly results: ScanStore;
  readonly logger: Logger;
  /** Milliseconds. */
  readonly now: () => number;
  /** Starts the first attempt of a scan; nothing happens if it was started before. */
  readonly start: (scanId: ScanId) => Promise<void>;
  /** Has `releaseRun` called at a time, at the earliest; twice for the same time is once. */
  readonly releaseAt: (scanId: ScanId, time: number) => Promise<void>;
}

/** A scan whose source document is written. */
export interface ReadyScan {
  readonly scanId: ScanId;
  /** The series that it is of; null for an upload by itself. */
  readonly seriesId: string | null;
}

const DAY_MS = 24 * 3600 * 1000;
/** Scans that were held are started one after another in this time, not all at midnight. */
const RELEASE_SPREAD_S = 3600;

/**
 * Starts the first attempt of a scan, if its folder has a run of this day left; else the scan is held: written down with
 * all that starting it needs, and tried again when the next day (UTC) has begun. A scan counts once, however often it is
 * begun; where two deliveries of one event meet it may count twice, so that never more runs than allowed are started.
 */
export async function beginRun(scan: ReadyScan, rule: UploadRule, deps: BeginDeps): Promise<"started" | "held"> {
  const { scanId } = scan;
  const { ledger } = deps;
  const mark = admitted(scanId);
  if (rule.runsPerDay !== null && (await ledger.countRemembered([mark])) === 0) {
    const day = dayOf(deps.now());
    if (!(await ledger.takeRun(day, rule.countedAs, rule.runsPerDay))) {
      await hold(scan, day, rule, deps);
      return "held";
    }
    await ledger.remember(mark);
  }
  await deps.start(scanId);
  return "started";
}

/**
 * Begins a scan that was held. Nothing happens to one whose record was removed.
 *
 * @param isForced start it whatever was used of the day
 * @returns what was held, for intake to go on with; null where there was nothing
 */
export async function releaseRun(
  scanId: ScanId,
  isForced: boolean,
  ruleOf: (source: SourceDocument) => UploadRule,
  deps: BeginDeps,
): Promise<HeldRecord | null> {
  const held = await readDocumentIfValid(deps.results, resultKeys.held(scanId), HeldRecord);
  if (held === null) return null;
  const { seriesId, source } = held;
  // Intermediate files may have been removed since.
  await writeDocument(deps.work, workKeys.source(scanId), source);
  if (isForced) await deps.ledger.remember(admitted(scanId));
  if ((await beginRun({ scanId, seriesId }, ruleOf(source), deps)) === "held") return null;
  await deps.results.delete(resultKeys.held(scanId));
  deps.logger.info("run released", { scanId });
  return held;
}

async function hold({ scanId, seriesId }: ReadyScan, day: string, rule: UploadRule, deps: BeginDeps): Promise<void> {
  const source = await readDocument(deps.work, workKeys.source(scanId), SourceDocument);
  const record: HeldRecord = {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    code: "DailyLimit",
    message: `the ${rule.runsPerDay} runs of ${day} are used up, the scan is started on a later day`,
    day,
    seriesId,
    source,
  };
  // The schedule comes last: whoever it wakes finds the record.
  await writeDocument(deps.results, resultKeys.held(scanId), record, { ifAbsent: true });
  await deps.releaseAt(scanId, nextDay(day) + spread(scanId));
  deps.logger.warn("run held", { scanId, day });
}

/** What is remembered of a scan that was counted. */
const admitted = (scanId: ScanId) => `admitted-${scanId}`;

/** UTC. */
function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function nextDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) + DAY_MS;
}

/** Milliseconds, by the digits of the scan's id. */
function spread(scanId: ScanId): number {
  return (Number.parseInt(scanId.slice(2, 10), 16) % RELEASE_SPREAD_S) * 1000;
}
