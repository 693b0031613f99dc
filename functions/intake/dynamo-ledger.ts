import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import { sha256 } from "#src/core/ids.js";
import type { SeriesInstance } from "#src/intake/completeness.js";
import { type ErasableLedger, ledgerIds, MAX_INSTANCES, type SeriesHead } from "#src/intake/series-ledger.js";

/** One table holds all: items of a partition key and a sort key, each removed by the table some time after its last change. */
export interface DynamoLedgerOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** Days after which an item that did not change is forgotten. */
  readonly retentionDays: number;
  /** Of one series. @default MAX_INSTANCES */
  readonly maxInstances?: number;
}

const HEAD = "head";
const INSTANCE = "instance#";
const SERIES = "series#";
/** Sort key of what is only remembered. */
const SEEN = "seen";
/** Sort key of what is counted. */
const RUNS = "runs";
/** Most keys of one BatchGetItem. */
const BATCH = 100;

const DAY_SECONDS = 24 * 3600;

type Item = Record<string, AttributeValue>;

/**
 * A ledger in a DynamoDB table: `series/head`, `series/instance#…`, `folder/series#…`, `object/seen`, `day/runs`. Reads are
 * consistent: after a write that returned, every reader sees it.
 */
export function dynamoLedger({
  client,
  table,
  retentionDays,
  maxInstances = MAX_INSTANCES,
}: DynamoLedgerOptions): ErasableLedger {
  /** Series whose head was there: most files are of a series that was met before. Another process may forget it. */
  const met = new Set<string>();

  /** @returns whether the condition held */
  async function put(pk: string, sk: string, attributes: Item, condition?: Condition): Promise<boolean> {
    const Item: Item = { pk: { S: pk }, sk: { S: sk }, expiresAt: { N: String(expiry()) }, ...attributes };
    try {
      await client.send(new PutItemCommand({ TableName: table, Item, ...condition }));
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  const expiry = () => Math.floor(Date.now() / 1000) + retentionDays * DAY_SECONDS;

  async function* query(pk: string, input: Partial<QueryCommandInput> = {}): AsyncGenerator<Item> {
    let start: Item | undefined;
    do {
      const page = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: "pk = :pk",
          ConsistentRead: true,
          ...input,
          ExpressionAttributeValues: { ":pk": { S: pk } },
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        }),
      );
      yield* page.Items ?? [];
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
  }

  const keyOf = (pk: string, sk: string): Item => ({ pk: { S: pk }, sk: { S: sk } });

  const remove = (pk: string, sk: string) =>
    client.send(new DeleteItemCommand({ TableName: table, Key: keyOf(pk, sk) }));

  const putHead = (seriesId: string, head: SeriesHead, condition: Condition) =>
    put(seriesId, HEAD, { revision: { N: String(head.revision) }, body: { S: JSON.stringify(head) } }, condition);

  return {
    async record(seriesId, place, instance) {
      // The head comes first: an instance of a series that nobody knows would be lost. It comes before the folder's item,
      // so that, forgotten in between, the series has no head, which `read` finds, and not one without its folder.
      if (!met.has(seriesId)) {
        const head: SeriesHead = { place, revision: 0, version: null, checkAt: 0 };
        await putHead(seriesId, head, { ConditionExpression: "attribute_not_exists(pk)" });
        await put(ledgerIds.folder(place.bucket, place.folder), `${SERIES}${seriesId}`, {});
        met.add(seriesId);
      }
      const attributes = { order: { S: instance.order }, body: { S: JSON.stringify(instance) } };
      await put(seriesId, `${INSTANCE}${sha256(instance.uid).slice(0, 40)}`, attributes, {
        ConditionExpression: "attribute_not_exists(pk) OR #order < :order",
        ExpressionAttributeNames: { "#order": "order" },
        ExpressionAttributeValues: { ":order": { S: instance.order } },
      });
    },
    async read(seriesId) {
      let head: SeriesHead | undefined;
      const instances: SeriesInstance[] = [];
      for await (const { sk, body } of query(seriesId)) {
        if (sk?.S === HEAD) head = parse(Head, body);
        else instances.push(parse(Instance, body));
        // Whoever sends files without end of one series must not have all of them read for each.
        if (instances.length > maxInstances) break;
      }
      if (head !== undefined) return { head, instances };
      // Somebody forgot it, or the table did: what is entered next makes it again.
      met.delete(seriesId);
      return null;
    },
    async replaceHead(seriesId, before, after) {
      const head: SeriesHead = { place: before.place, revision: before.revision + 1, ...after };
      return putHead(seriesId, head, {
        ConditionExpression: "revision = :revision",
        ExpressionAttributeValues: { ":revision": { N: String(before.revision) } },
      });
    },
    async seriesIn(folderId) {
      const ids: string[] = [];
      for await (const { sk } of query(folderId)) ids.push((sk?.S ?? "").slice(SERIES.length));
      return ids;
    },
    async remember(id) {
      await put(id, SEEN, {});
    },
    async forgetSeries(seriesId, place) {
      const items: string[] = [];
      for await (const { sk } of query(seriesId)) items.push(sk?.S ?? "");
      for (const sk of items.filter((sk) => sk !== HEAD)) await remove(seriesId, sk);
      // Head and folder's item go last, and together: interrupted before, the series is still found by its folder, and
      // whoever enters a file of it at the same time has both or none.
      const folderId = ledgerIds.folder(place.bucket, place.folder);
      const last = [keyOf(seriesId, HEAD), keyOf(folderId, `${SERIES}${seriesId}`)];
      await client.send(
        new TransactWriteItemsCommand({ TransactItems: last.map((Key) => ({ Delete: { TableName: table, Key } })) }),
      );
      met.delete(seriesId);
    },
    async forget(ids) {
      for (const id of ids) await remove(id, SEEN);
    },
    async countRemembered(ids) {
      const wanted: Item[] = [...new Set(ids)].map((id) => ({ pk: { S: id }, sk: { S: SEEN } }));
      let count = 0;
      while (wanted.length > 0) {
        const Keys = wanted.splice(0, BATCH);
        const request = { [table]: { Keys, ConsistentRead: true, ProjectionExpression: "pk" } };
        const page = await client.send(new BatchGetItemCommand({ RequestItems: request }));
        count += page.Responses?.[table]?.length ?? 0;
        wanted.push(...(page.UnprocessedKeys?.[table]?.Keys ?? []));
      }
      return count;
    },
    async takeRun(day, countedAs, limit) {
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: { pk: { S: ledgerIds.day(day, countedAs) }, sk: { S: RUNS } },
            UpdateExpression: "ADD runs :one SET expiresAt = :expiry",
            ConditionExpression: "attribute_not_exists(runs) OR runs < :limit",
            ExpressionAttributeValues: {
              ":one": { N: "1" },
              ":limit": { N: String(limit) },
              ":expiry": { N: String(expiry()) },
            },
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },
  };
}

interface Condition {
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames?: Record<string, string>;
  readonly ExpressionAttributeValues?: Record<string, AttributeValue>;
}

const position = z.tuple([z.number(), z.number(), z.number()]);

const Instance = z.strictObject({
  uid: z.string(),
  sha256: z.string(),
  object: z.strictObject({ key: z.string(), version: z.string(), size: z.number() }),
  order: z.string(),
  seenAt: z.number(),
  place: z
    .strictObject({
      positionLps: position,
      orientationLps: z.array(z.number()),
      thicknessMm: z.number().nullable(),
      // Records of series that began before these were kept have none.
      declaredStepMm: z.number().nullable().default(null),
      number: z.number().nullable().default(null),
      contrast: z.record(z.string(), z.string()).default({}),
    })
    .nullable(),
  declared: z.strictObject({ scope: z.string(), count: z.number() }).nullable(),
}) satisfies z.ZodType<SeriesInstance>;

const Head = z.strictObject({
  place: z.strictObject({ bucket: z.string(), folder: z.string(), series: z.string() }),
  revision: z.number(),
  version: z
    .strictObject({
      scanId: z.string(),
      evidence: z.enum(["manifest-count", "closing-marker", "header-count", "quiet-period", "none"]),
      instances: z.number(),
      supersedes: z.string().nullable(),
      isStarted: z.boolean(),
    })
    .nullable(),
  checkAt: z.number(),
}) satisfies z.ZodType<SeriesHead>;

function parse<T extends z.ZodType>(schema: T, body: AttributeValue | undefined): z.infer<T> {
  const parsed = schema.safeParse(JSON.parse(body?.S ?? "null"));
  if (parsed.success) return parsed.data;
  throw new PipelineError("ContractViolation", "item of the ledger has another shape than expected");
}
