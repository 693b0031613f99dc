import { PipelineError } from "#src/core/errors.js";
import { scanIdOfObject } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { type AdvanceDeps, advanceSeries, type Folder } from "#src/intake/advance-series.js";
import { beginRun, releaseRun } from "#src/intake/begin-run.js";
import { readFolder } from "#src/intake/read-folder.js";
import { readUpload } from "#src/intake/read-upload.js";
import { ledgerIds, type SeriesPlace } from "#src/intake/series-ledger.js";
import { type CheckEvent, type ObjectEvent, parseUploadEvents, type ReleaseEvent } from "#src/intake/upload-events.js";
import { folderOf, roleOfName } from "#src/intake/upload-names.js";
import { writeDocument } from "#src/stages/documents.js";
import { workKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import type { SourceDocument } from "#src/workflow/contract.js";
import { type UploadRules, uploadRuleOf } from "#src/workflow/upload-rules.js";

/** One message of the queue. */
export interface QueueMessage {
  readonly messageId: string;
  readonly body: string;
}

export interface IntakeDeps extends Omit<AdvanceDeps, "work" | "results"> {
  /** The bucket that `stores.source` reads. */
  readonly bucket: string;
  readonly stores: { readonly source: ScanStore; readonly work: ScanStore; readonly results: ScanStore };
  /** Who may ask for what. */
  readonly uploads: UploadRules;
  /** Milliseconds until whoever delivered the messages takes all of them for failed. @default no end */
  readonly msLeft?: () => number;
}

/** A series to look at, with what its message has to wait for. */
interface Touched {
  readonly messageId: string;
  readonly folder: string;
  /** Null: all series of the folder. */
  readonly seriesId: string | null;
  /** It is at least as late as this, in milliseconds, whatever the clock of this machine says. */
  readonly notBefore: number;
  /** Enters the file of the message in its series once more; absent where the message tells of no file of one. */
  readonly enter?: () => Promise<void>;
}

/** Objects that are looked at side by side: each may take 300 MB, if somebody means ill. */
const AT_ONCE = 4;

/** Kept back to say what failed. */
const SPARE_MS = 10_000;

/** Series that a count or a closing marker of one folder is evidence for. */
const MAX_SHARED_SERIES = 500;

/**
 * Takes in what a batch of messages tells of. Events come twice, late and out of order: what is remembered of them is a
 * function of which objects there are, and a run's name is a function of what it reads, so that a second event starts
 * nothing. An object is read in the state that its event tells of.
 *
 * @returns ids of the messages that must be delivered again
 */
export async function takeInMessages(messages: readonly QueueMessage[], deps: IntakeDeps): Promise<string[]> {
  const failed = new Set<string>();
  const failing = (messageIds: readonly string[]) => (error: unknown) => {
    // The queue delivers it again and at last moves it to the dead letters: nothing is lost.
    const code = error instanceof Error ? error.name : "unknown";
    for (const messageId of messageIds) deps.logger.warn("message failed", { messageId, code });
    for (const messageId of messageIds) failed.add(messageId);
    return [];
  };
  const touched: Touched[] = [];
  for (let at = 0; at < messages.length; at += AT_ONCE) {
    const some = messages.slice(at, at + AT_ONCE);
    const found = some.map((message) => inTime(takeInMessage(message, deps), deps).catch(failing([message.messageId])));
    touched.push(...(await Promise.all(found)).flat());
  }
  // Several files of a series come in one batch: the series is looked at once, after all of them.
  const folders = new Set(touched.map(({ folder }) => folder));
  for (const folder of folders) {
    const group = touched.filter((one) => one.folder === folder);
    await inTime(advanceFolder(group, deps), deps).catch(failing(group.map(({ messageId }) => messageId)));
  }
  return messages.map(({ messageId }) => messageId).filter((messageId) => failed.has(messageId));
}

/**
 * The same, or a failure when time is nearly up: then what takes so long is delivered again by itself, and does not take
 * the other messages of its batch along.
 */
async function inTime<T>(work: Promise<T>, { msLeft }: IntakeDeps): Promise<T> {
  if (msLeft === undefined) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const found = "message was not taken in while there was time";
    timer = setTimeout(() => reject(new PipelineError("StoreBusy", found)), Math.max(0, msLeft() - SPARE_MS));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // Whatever comes of it now was told already.
    work.catch(() => {});
  }
}

async function takeInMessage({ messageId, body }: QueueMessage, deps: IntakeDeps): Promise<Touched[]> {
  const touched: Touched[] = [];
  for (const event of parseUploadEvents(body)) {
    const found = await takeInEvent(event, deps);
    if (found !== null) touched.push({ messageId, notBefore: 0, ...found });
  }
  return touched;
}

function takeInEvent(event: ObjectEvent | CheckEvent | ReleaseEvent, deps: IntakeDeps): Promise<Found | null> {
  switch (event.kind) {
    case "object":
      return takeInObject(event, deps);
    case "check":
      return seriesOfCheck(event, deps);
    case "release":
      return release(event, deps);
  }
}

type Found = Pick<Touched, "folder" | "seriesId"> & Partial<Touched>;

async function seriesOfCheck({ seriesId, time }: CheckEvent, { ledger }: IntakeDeps): Promise<Found | null> {
  const series = await ledger.read(seriesId);
  return series && { folder: series.head.place.folder, seriesId, notBefore: time };
}

/** A scan that was held: of a series intake goes on with what came meanwhile. */
async function release({ scanId, time, isForced }: ReleaseEvent, deps: IntakeDeps): Promise<Found | null> {
  const { work, results } = deps.stores;
  const ruleOf = ({ objects }: SourceDocument) => uploadRuleOf(folderOf(objects[0]?.key ?? ""), deps.uploads);
  const now = () => Math.max(deps.now(), time);
  const held = await releaseRun(scanId, isForced, ruleOf, { ...deps, work, results, now });
  if (held === null) return null;
  if (held.seriesId === null) {
    await deps.ledger.remember(scanId);
    return null;
  }
  return { folder: folderOf(held.source.objects[0]?.key ?? ""), seriesId: held.seriesId, notBefore: time };
}

async function takeInObject(event: ObjectEvent, deps: IntakeDeps): Promise<Found | null> {
  const { bucket, key, version } = event;
  const { source } = deps.stores;
  const found = "event tells of another bucket, expected the one that this function reads";
  if (bucket !== deps.bucket) throw new PipelineError("ContractViolation", found);
  const scanId = scanIdOfObject(bucket, key, version);
  const role = roleOfName(key);
  const folder = folderOf(key);
  if (role === "folder") return { folder, seriesId: null };
  if (role === "none") {
    deps.logger.info("object ignored", { scanId });
    return null;
  }
  // Of a deleted object the version that was uploaded is still there; whoever deleted it does not want it read.
  const info = (await source.head(key)) && (await source.head(key, version));
  if (info === null) {
    deps.logger.warn("object is gone", { scanId });
    return null;
  }
  const { size } = info;
  const looked = await readUpload({ size, read: (start, end) => source.get(key, { start, end }, version) });
  const object = { key, version, size };
  if (looked.kind === "whole") await takeInWhole(scanId, object, deps);
  if (looked.kind === "no-image") deps.logger.info("object without an image ignored", { scanId });
  if (looked.kind !== "instance") {
    await deps.ledger.remember(ledgerIds.object(bucket, key));
    // Of no series, it may still be the last file that the folder lacked.
    return { folder, seriesId: null };
  }
  const place: SeriesPlace = { bucket, folder, series: looked.series };
  const seriesId = ledgerIds.series(place);
  const instance = { ...looked.instance, object, order: event.order, seenAt: deps.now() };
  const enter = () => deps.ledger.record(seriesId, place, instance);
  await enter();
  await deps.ledger.remember(ledgerIds.object(bucket, key));
  return { folder, seriesId, enter };
}

/** An upload by itself is complete with its one object. */
async function takeInWhole(scanId: string, object: SourceDocument["objects"][number], deps: IntakeDeps): Promise<void> {
  const { ledger, logger, meter, stores, bucket } = deps;
  if ((await ledger.countRemembered([scanId])) > 0) {
    logger.info("scan was taken in before", { scanId });
    return;
  }
  const { asked, rule } = await readFolder({ ...deps, source: stores.source }, bucket, folderOf(object.key));
  const source: SourceDocument = {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    bucket,
    objects: [object],
    request: asked.request,
    ...(asked.fault === null ? {} : { refused: asked.fault }),
  };
  // Of two deliveries the first decides: `scan.json` may say something else by now, and the run may have begun.
  await writeDocument(stores.work, workKeys.source(scanId), source, { ifAbsent: true });
  if (asked.isLowered) logger.info("share lowered", { scanId });
  const { work, results } = stores;
  if ((await beginRun({ scanId, seriesId: null }, rule, { ...deps, work, results })) === "held") return;
  await ledger.remember(scanId);
  logger.info("scan taken in", { scanId, bytes: object.size });
  meter?.record({ ScansTakenIn: 1, ScanBytes: object.size });
}

async function advanceFolder(touched: readonly Touched[], deps: IntakeDeps): Promise<void> {
  const [first] = touched;
  if (first === undefined) return;
  const { bucket, stores } = deps;
  const { source, work, results } = stores;
  const folder = await readFolder({ ...deps, source }, bucket, first.folder);
  const now = () => touched.reduce((time, { notBefore }) => Math.max(time, notBefore), deps.now());
  for (const seriesId of await seriesOf(touched, folder, deps)) {
    const advance = () => advanceSeries(seriesId, folder, { ...deps, work, results, now });
    if (await advance()) continue;
    // An operator deleted the series while its next file was entered: that one begins it anew.
    const files = touched.flatMap((one) => (one.seriesId === seriesId && one.enter ? [one.enter] : []));
    for (const enter of files) await enter();
    if (files.length > 0 && !(await advance())) {
      throw new PipelineError("StoreBusy", "series was forgotten twice, expected it after its file was entered");
    }
  }
}

/** Where the folder promises or is closed, a file of one series may be what another was waiting for. */
async function seriesOf(touched: readonly Touched[], { facts }: Folder, deps: IntakeDeps): Promise<Set<string>> {
  const named = touched.flatMap(({ seriesId }) => seriesId ?? []);
  const isShared = facts.promised !== null || facts.isClosed;
  if (!isShared && touched.every(({ seriesId }) => seriesId !== null)) return new Set(named);
  const folderId = ledgerIds.folder(deps.bucket, touched[0]?.folder ?? "");
  const all = await deps.ledger.seriesIn(folderId);
  // Of a folder of very many series each goes by its own evidence: to look at all of them for every file takes too long.
  return new Set(all.length > MAX_SHARED_SERIES ? named : [...named, ...all]);
}
