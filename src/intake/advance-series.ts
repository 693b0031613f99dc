import { PipelineError } from "#src/core/errors.js";
import { scanIdOfInstances } from "#src/core/ids.js";
import type { Meter } from "#src/core/meter.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { writeDocument } from "#src/stages/documents.js";
import { compareKeys } from "#src/storage/compare-keys.js";
import { workKeys } from "#src/storage/keys.js";
import type { SourceDocument } from "#src/workflow/contract.js";
import type { UploadRule } from "#src/workflow/upload-rules.js";
import { type BeginDeps, beginRun } from "./begin-run.js";
import { type CompletenessRules, type FolderFacts, type Judgement, judgeSeries } from "./completeness.js";
import type { FolderRequest } from "./scan-manifest.js";
import { type LedgerSeries, MAX_INSTANCES, type SeriesHead, type SeriesVersion } from "./series-ledger.js";

/** What a folder says to all of its series. */
export interface Folder {
  readonly asked: FolderRequest;
  readonly facts: FolderFacts;
  /** What its uploads get, and may ask for. */
  readonly rule: UploadRule;
}

/** What a series is advanced with. */
export interface AdvanceDeps extends BeginDeps {
  readonly rules: CompletenessRules;
  /** Nobody counts where nothing is said. */
  readonly meter?: Meter;
  /** Whether the first attempt of a scan was started and has not ended. */
  readonly isRunning: (scanId: string) => Promise<boolean>;
  /** Has `advanceSeries` called at a time, at the earliest; twice for the same time is once. */
  readonly checkAt: (seriesId: string, time: number) => Promise<void>;
}

/** Writers that may overtake this one before it gives up: the message then comes again. */
const MAX_TRIES = 20;

/**
 * Does what is to be done for a series now: starts the run of a version that is complete (or of one that was waited for
 * long enough, to be set aside), or has it looked at again later. May be called at any time, any number of times and by
 * several at once: a version is first claimed in the ledger, then started under a name that is a function of its files,
 * and whoever finds a claim that was not started starts it. At most one run of a series is in flight: a version that
 * comes late waits for the end of the one before.
 *
 * @returns whether the ledger knows the series
 * @throws {PipelineError} `StoreBusy` when others were faster each time
 */
export async function advanceSeries(seriesId: string, folder: Folder, deps: AdvanceDeps): Promise<boolean> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const series = await deps.ledger.read(seriesId);
    if (series === null) return false;
    if ((await step(seriesId, series, folder, deps)) === "settled") return true;
  }
  throw new PipelineError("StoreBusy", `series was changed by others ${MAX_TRIES} times, expected a moment of rest`);
}

async function step(
  seriesId: string,
  series: LedgerSeries,
  folder: Folder,
  deps: AdvanceDeps,
): Promise<"settled" | "again"> {
  const { head, instances } = series;
  const { version } = head;
  if (version !== null && !version.isStarted) {
    // Until it is released nothing more is done: what comes late waits for its end anyway.
    if ((await beginRun({ scanId: version.scanId, seriesId }, folder.rule, deps)) === "held") return "settled";
    await change(seriesId, head, { version: { ...version, isStarted: true } }, deps);
    return "again";
  }
  const isLate = version !== null;
  const lastSeen = instances.reduce((last, { seenAt }) => Math.max(last, seenAt), 0);
  const isTooLong = instances.length > MAX_INSTANCES;
  const judgement: Judgement = isTooLong
    ? { kind: "incomplete", reason: `series has more than ${MAX_INSTANCES} files, expected at most that` }
    : judgeSeries(instances, folder.facts, deps.rules, { now: deps.now(), lastSeen, isLate });
  // One scan, set aside once, whatever comes after.
  const scanId = isTooLong ? scanIdOfInstances([], { seriesId, isTooLong }) : scanIdOf(series, folder, judgement);
  // While it must wait, too: then what was run is all there is.
  if (version?.scanId === scanId) return noLook(seriesId, head, deps);
  if (judgement.kind === "wait") return lookLater(seriesId, head, judgement.until, deps);
  if (version !== null && (await deps.isRunning(version.scanId))) {
    return lookLater(seriesId, head, deps.now() + deps.rules.quietSeconds * 1000, deps);
  }
  const evidence = judgement.kind === "complete" ? judgement.evidence : "none";
  const next: SeriesVersion = {
    scanId,
    evidence,
    instances: instances.length,
    supersedes: version?.scanId ?? null,
    isStarted: false,
  };
  // Before the claim: whoever finds the claim starts it, and the run reads this.
  const source = sourceOf(series, folder, next, judgement);
  const written: SourceDocument = isTooLong
    ? { ...source, objects: source.objects.slice(0, 1), refused: tooLong(judgement) }
    : source;
  await writeDocument(deps.work, workKeys.source(scanId), written);
  if (await change(seriesId, head, { version: next, checkAt: 0 }, deps)) {
    deps.logger.info("series judged", { scanId, evidence, instances: next.instances });
    if (folder.asked.isLowered) deps.logger.info("share lowered", { scanId });
    const bytes = instances.reduce((sum, { object }) => sum + object.size, 0);
    deps.meter?.record({ ScansTakenIn: 1, ScanBytes: bytes });
  }
  return "again";
}

/** Of what the series is, or comes to. Set aside as incomplete it is another scan than the same files once they are all. */
function scanIdOf({ instances }: LedgerSeries, { asked }: Folder, judgement: Judgement): string {
  const isComplete = (judgement.kind === "wait" ? judgement.outcome : judgement.kind) === "complete";
  return scanIdOfInstances(instances, { request: asked.request, fault: asked.fault, isComplete });
}

function sourceOf(
  { head, instances }: LedgerSeries,
  { asked }: Folder,
  { scanId, evidence, supersedes }: SeriesVersion,
  judgement: Judgement,
): SourceDocument {
  const refused: SourceDocument["refused"] =
    asked.fault !== null
      ? asked.fault
      : judgement.kind === "incomplete"
        ? { code: "SeriesIncomplete", message: judgement.reason }
        : undefined;
  return {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    bucket: head.place.bucket,
    objects: instances.map(({ object }) => ({ ...object })).sort((a, b) => compareKeys(a.key, b.key)),
    request: asked.request,
    completeness: { evidence, instances: instances.length, supersedes },
    ...(refused === undefined ? {} : { refused }),
  };
}

function tooLong(judgement: Judgement): SourceDocument["refused"] {
  return { code: "InputUnsafe", message: judgement.kind === "incomplete" ? judgement.reason : "" };
}

/** One look is arranged at a time. It is arranged before it is written down: a look too many does no harm. */
async function lookLater(
  seriesId: string,
  head: SeriesHead,
  time: number,
  deps: AdvanceDeps,
): Promise<"settled" | "again"> {
  // Whoever looks then finds out that it is too early, and arranges the next look.
  if (head.checkAt > deps.now() && head.checkAt <= time) return "settled";
  await deps.checkAt(seriesId, time);
  return (await change(seriesId, head, { checkAt: time }, deps)) ? "settled" : "again";
}

/** A look that was arranged for now is this one. Others' clocks may say that it is still to come. */
async function noLook(seriesId: string, head: SeriesHead, deps: AdvanceDeps): Promise<"settled" | "again"> {
  if (head.checkAt === 0 || head.checkAt > deps.now()) return "settled";
  return (await change(seriesId, head, { checkAt: 0 }, deps)) ? "settled" : "again";
}

function change(
  seriesId: string,
  head: SeriesHead,
  changed: Partial<Pick<SeriesHead, "version" | "checkAt">>,
  { ledger }: AdvanceDeps,
): Promise<boolean> {
  return ledger.replaceHead(seriesId, head, { version: head.version, checkAt: head.checkAt, ...changed });
}
