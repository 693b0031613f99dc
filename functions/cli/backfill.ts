import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { ListObjectVersionsCommand, type ListObjectVersionsCommandOutput, S3Client } from "@aws-sdk/client-s3";
import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { type BackfillInput, backfillKeys } from "#src/backfill/backfill-contract.js";
import { type ListedObject, planBackfill } from "#src/backfill/plan-backfill.js";
import { type MeasuredScan, type Quote, quoteOf } from "#src/backfill/quote.js";
import { agreed } from "#src/cli/agreed.js";
import { PipelineError } from "#src/core/errors.js";
import { type Asked, readManifest } from "#src/intake/scan-manifest.js";
import { readDocumentIfValid, writeDocument } from "#src/stages/documents.js";
import { RunDocument } from "#src/stages/run-document.js";
import { workKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { RunRequest, SourceDocument } from "#src/workflow/contract.js";
import { LIST_PRICES, PriceTable } from "#src/workflow/prices.js";
import { UploadRules, uploadRuleOf } from "#src/workflow/upload-rules.js";
import { s3Store } from "../runtime/s3-store.js";

export interface BackfillFlags {
  /** Stack outputs BackfillArn, WorkBucket and ResultBucket. */
  readonly machine: string;
  readonly workBucket: string;
  readonly resultBucket: string;
  readonly model?: string;
  readonly deidentify?: boolean;
  readonly config?: string;
  readonly prices?: string;
  readonly budget?: number;
  readonly concurrency: number;
  readonly tolerate: number;
  readonly yes?: boolean;
}

/** Of a deployment's configuration file what its uploads get and may ask for; the rest of it is for the deployment. */
const Configuration = z.looseObject({ uploads: UploadRules.prefault({}) });
/** Published results that a quote is made from. */
const MEASURED = 100;
/** Source documents that are written at once. */
const AT_ONCE = 32;

/**
 * `scanlane backfill`: lists, quotes, asks, and starts one execution of the backfill's machine. The same listing again
 * resumes: what was published is left out, what was set aside gets another attempt.
 *
 * @returns the exit code
 */
export async function backfill(place: string, flags: BackfillFlags): Promise<number> {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(place) ?? [];
  if (bucket === "") throw new PipelineError("InputMismatch", "place is no bucket, expected s3://bucket/prefix");
  const client = new S3Client({ forcePathStyle: process.env.AWS_ENDPOINT_URL_S3 !== undefined });
  const [work, results] = [flags.workBucket, flags.resultBucket].map((name) => s3Store({ client, bucket: name }));
  if (work === undefined || results === undefined) throw new TypeError("two buckets are two stores");
  const options: Asked = {
    ...(flags.model !== undefined && { model: flags.model }),
    ...(flags.deidentify && { deidentify: "basic" }),
  };
  // A fault of an option is none of every scan.json.
  RunRequest.parse(options);
  const { uploads } =
    flags.config === undefined ? Configuration.parse({}) : await documentOf(flags.config, Configuration);
  const scans = s3Store({ client, bucket, keys: "any" });
  const plan = await planBackfill(bucket, await listed(client, bucket, prefix), {
    options,
    askedOf: (folder) => readManifest(scans, folder, uploadRuleOf(folder, uploads), options),
  });
  if (plan.sources.length === 0) throw new PipelineError("NoImage", "prefix holds no scans, expected at least one");

  const prices = flags.prices === undefined ? LIST_PRICES : await documentOf(flags.prices, PriceTable);
  const sizes = plan.sources.map(({ objects }) => objects.reduce((sum, { size }) => sum + size, 0));
  console.log(quoteText(quoteOf(sizes, await measuredScans(results), prices), prices));
  if (!(flags.yes || (await agreed("start?")))) {
    console.log("nothing was started");
    return 0;
  }
  for (let at = 0; at < plan.sources.length; at += AT_ONCE) {
    const some = plan.sources.slice(at, at + AT_ONCE);
    await Promise.all(some.map((source) => writeSource(work, source)));
  }
  const { backfillId } = plan;
  const items = ["scanId", ...plan.sources.map(({ scanId }) => scanId)].join("\n");
  await work.put(backfillKeys.items(backfillId), new TextEncoder().encode(`${items}\n`), { contentType: "text/csv" });
  const input: BackfillInput = {
    backfillId,
    itemsKey: backfillKeys.items(backfillId),
    resultsPrefix: backfillKeys.results(backfillId),
    maxConcurrency: flags.concurrency,
    toleratedFailurePercentage: flags.tolerate,
    budgetUsd: flags.budget ?? null,
  };
  // Each start is an execution of its own: to resume is to start again.
  const name = `${backfillId}-${randomUUID().slice(0, 8)}`;
  await new SFNClient().send(
    new StartExecutionCommand({ stateMachineArn: flags.machine, name, input: JSON.stringify(input) }),
  );
  console.log(`started ${name}\nresults manifest: s3://${flags.resultBucket}/${input.resultsPrefix}/`);
  return 0;
}

async function listed(client: S3Client, bucket: string, prefix: string): Promise<ListedObject[]> {
  const objects: ListedObject[] = [];
  let next: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {};
  while (next !== undefined) {
    const page: ListObjectVersionsCommandOutput = await client.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, ...next }),
    );
    for (const { Key = "", VersionId = "null", ETag = "", Size = 0, IsLatest } of page.Versions ?? []) {
      // Without versions an object is named by its ETag; what follows the space is a sequencer, which only events have.
      const version = VersionId === "null" ? `${ETag.replaceAll('"', "")} ` : VersionId;
      if (IsLatest) objects.push({ key: Key, version, size: Size });
    }
    next = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker } : undefined;
  }
  return objects;
}

/** A file that an option names. */
async function documentOf<T extends z.ZodType>(path: string, schema: T): Promise<z.infer<T>> {
  const parsed = schema.safeParse(JSON.parse(await readFile(path, "utf8")));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new PipelineError("InputMismatch", `${path}, field ${issue?.path.join(".")}: ${issue?.message}`);
}

/** What a scan reads. Of one that was taken in before: nobody takes back that it was to be de-identified. */
async function writeSource(work: ScanStore, source: SourceDocument): Promise<void> {
  const key = workKeys.source(source.scanId);
  if ((await writeDocument(work, key, source, { ifAbsent: true })) === "written") return;
  const before = await readDocumentIfValid(work, key, SourceDocument);
  const deidentify = source.request.deidentify ?? before?.request.deidentify;
  await writeDocument(work, key, { ...source, request: { ...source.request, deidentify } });
}

/** Receipts of results that this deployment published. */
async function measuredScans(results: ScanStore): Promise<MeasuredScan[]> {
  const scans: MeasuredScan[] = [];
  for await (const { key } of results.list("r-")) {
    if (!key.endsWith("/run.json")) continue;
    const run = await readDocumentIfValid(results, key, RunDocument);
    if (run?.sourceBytes === undefined) continue;
    const stages = run.stages.flatMap(({ stage, seconds, used }) =>
      used ? [{ stage, seconds, place: used.place }] : [],
    );
    scans.push({ sourceBytes: run.sourceBytes, stages });
    if (scans.length === MEASURED) break;
  }
  return scans;
}

/** The quote for people. */
function quoteText(quote: Quote, prices: PriceTable): string {
  const { scans, bytes, measured, hours, gpuHours, cost, unpriced } = quote;
  const lines = [`${scans} scans, ${(bytes / 1e9).toFixed(2)} GB`];
  if (hours === null || gpuHours === null) {
    return [...lines, "time and cost are not known: no result with a receipt is there yet; run a few scans first"].join(
      "\n",
    );
  }
  const range = (one: { low: number; high: number }) => `${one.low.toFixed(2)} to ${one.high.toFixed(2)}`;
  lines.push(`compute hours: ${range(hours)}, of them with a GPU: ${range(gpuHours)} (from ${measured} results here)`);
  const priced = `US dollars: ${cost && range(cost)} (${prices.region}, ${prices.date})`;
  lines.push(cost === null ? `cost is not known: no price of ${unpriced.join(", ")}` : priced);
  return lines.join("\n");
}
