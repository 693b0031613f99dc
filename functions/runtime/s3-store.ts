import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ObjectIdentifier,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { PipelineError } from "#src/core/errors.js";
import { compareKeys } from "#src/storage/compare-keys.js";
import { assertKey, type ErasableStore, type PutOptions } from "#src/storage/scan-store.js";

/** Bodies above this, and streams of unknown length, go up in parts. */
const MULTIPART_BYTES = 16 * 2 ** 20;

/** A bucket as a store. */
interface S3StoreOptions {
  readonly client: S3Client;
  readonly bucket: string;
  /** "any": what others upload may lie under every key that S3 allows, as `a//b`. @default "ours" */
  readonly keys?: "ours" | "any";
  /** Whether a lock in governance mode is lifted for what is erased; needs the right to. @default false */
  readonly liftLocks?: boolean;
}

/** A store in an S3 bucket. Conditional create is S3's own `If-None-Match: *`, for objects in parts too. */
export function s3Store({ client, bucket, keys = "ours", liftLocks = false }: S3StoreOptions): ErasableStore {
  const at = (key: string) => {
    if (keys === "ours") assertKey(key);
    return { Bucket: bucket, Key: key };
  };
  return {
    head: async (key, version) => {
      const target = { ...at(key), ...stateOf(version) };
      try {
        const { ContentLength } = await client.send(new HeadObjectCommand(target));
        return { key, size: ContentLength ?? 0 };
      } catch (error) {
        if (isMissing(error)) return null;
        throw storeError(error);
      }
    },
    get: async (key, range, version) => {
      const target = { ...at(key), ...stateOf(version) };
      if (range && range.end <= range.start) return emptyOf(client, target);
      const Range = range && `bytes=${range.start}-${range.end - 1}`;
      try {
        const { Body } = await client.send(new GetObjectCommand({ ...target, ...(Range ? { Range } : {}) }));
        return (await Body?.transformToByteArray()) ?? new Uint8Array();
      } catch (error) {
        // A range that starts at or beyond the end holds nothing.
        if (nameOf(error) === "InvalidRange" || statusOf(error) === 416) return new Uint8Array();
        throw storeError(error);
      }
    },
    put: async (key, body, options) => {
      const target = { ...at(key), ...headersOf(options) };
      try {
        if (body instanceof Uint8Array && body.length <= MULTIPART_BYTES) {
          await client.send(new PutObjectCommand({ ...target, Body: body }));
        } else {
          await upload(client, target, body);
        }
        return "written";
      } catch (error) {
        if (options?.ifAbsent && (nameOf(error) === "PreconditionFailed" || statusOf(error) === 412)) return "exists";
        // Two conditional writes at once: S3 lets one of them win and may answer the other with a conflict.
        if (options?.ifAbsent && statusOf(error) === 409 && (await isThere(client, at(key)))) return "exists";
        throw storeError(error);
      }
    },
    async *list(prefix) {
      let next: string | undefined;
      do {
        const page = await client
          .send(
            new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...(next ? { ContinuationToken: next } : {}) }),
          )
          .catch((error: unknown) => {
            throw storeError(error);
          });
        for (const { Key, Size } of page.Contents ?? []) if (Key !== undefined) yield { key: Key, size: Size ?? 0 };
        next = page.NextContinuationToken;
      } while (next !== undefined);
    },
    delete: async (key) => {
      await client.send(new DeleteObjectCommand(at(key))).catch((error: unknown) => {
        throw storeError(error);
      });
    },
    async *erase(prefix) {
      let held: string[] = [];
      for (let isMore = true; isMore; ) {
        // From the start each time: what the page before showed is gone.
        const page = await client
          .send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }))
          .catch((error: unknown) => {
            throw storeError(error);
          });
        isMore = page.IsTruncated === true;
        const objects = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key, VersionId }) => ({
          Key,
          VersionId,
        }));
        await eraseVersions(client, bucket, objects, liftLocks);
        const gone = [...new Set([...held, ...objects.map(({ Key = "" }) => Key)])].sort(compareKeys);
        // The last key's versions may go on on the next page.
        held = isMore ? gone.splice(-1) : [];
        yield* gone;
      }
    },
  };
}

/** @throws {PipelineError} `StoreLocked` for one that S3 Object Lock holds */
async function eraseVersions(
  client: S3Client,
  bucket: string,
  objects: readonly ObjectIdentifier[],
  liftLocks: boolean,
): Promise<void> {
  if (objects.length === 0) return;
  const remove = async (Objects: ObjectIdentifier[], BypassGovernanceRetention: boolean) => {
    const bypass = BypassGovernanceRetention ? { BypassGovernanceRetention } : {};
    const { Errors = [] } = await client
      .send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true }, ...bypass }))
      .catch((error: unknown) => {
        throw storeError(error);
      });
    return Errors;
  };
  let errors = await remove([...objects], false);
  if (errors.length === 0) return;
  const failed = () => objects.filter(({ Key }) => errors.some((error) => error.Key === Key));
  let hold = await holdOf(client, bucket, failed());
  // Asked for only where there is a lock: a bucket without any refuses it.
  if (liftLocks && hold?.startsWith("GOVERNANCE")) {
    errors = await remove(failed(), true);
    if (errors.length === 0) return;
    hold = await holdOf(client, bucket, failed());
  }
  const count = `${errors.length} of ${objects.length} versions`;
  if (hold !== null) {
    throw new PipelineError("StoreLocked", `S3 Object Lock holds ${count} (${hold}), expected none to be locked`);
  }
  const { Code = "no code" } = errors[0] ?? {};
  const code = /AccessDenied/.test(Code) ? "StoreDenied" : "StoreBusy";
  throw new PipelineError(code, `S3 answered ${Code} for ${count}, expected all to be removed`);
}

/** What holds the first of these versions that anything holds: mode and end of its lock. */
async function holdOf(client: S3Client, bucket: string, objects: readonly ObjectIdentifier[]): Promise<string | null> {
  for (const { Key, VersionId } of objects) {
    // A delete marker has no head; whoever may not see the lock is told of a refusal alone.
    const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key, VersionId })).catch(() => null);
    if (head?.ObjectLockLegalHoldStatus === "ON") return "legal hold";
    const until = head?.ObjectLockRetainUntilDate;
    if (until !== undefined && until.getTime() > Date.now())
      return `${head?.ObjectLockMode} until ${until.toISOString()}`;
  }
  return null;
}

interface Target {
  readonly Bucket: string;
  readonly Key: string;
  readonly VersionId?: string;
  readonly IfMatch?: string;
}

/** A version id, or ETag and sequencer (of no use to S3) with a space between them: no version id has one. */
function stateOf(version: string | undefined): Pick<Target, "VersionId" | "IfMatch"> {
  if (version === undefined) return {};
  const [first = "", sequencer] = version.split(" ");
  if (sequencer === undefined) return { VersionId: first };
  const etag = first.replaceAll('"', "");
  // An event that names no state is of the object as it is.
  return etag === "" ? {} : { IfMatch: `"${etag}"` };
}

function headersOf(options: PutOptions | undefined) {
  return {
    ...(options?.ifAbsent ? { IfNoneMatch: "*" } : {}),
    ...(options?.contentType ? { ContentType: options.contentType } : {}),
  };
}

/** An empty range of an object that must exist. */
async function emptyOf(client: S3Client, target: Target): Promise<Uint8Array> {
  await client.send(new HeadObjectCommand(target)).catch((error: unknown) => {
    throw storeError(error);
  });
  return new Uint8Array();
}

async function isThere(client: S3Client, target: Target): Promise<boolean> {
  return client.send(new HeadObjectCommand(target)).then(
    () => true,
    () => false,
  );
}

/** In parts; what was sent of an interrupted upload is removed. */
async function upload(client: S3Client, target: Target, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const Body = body instanceof Uint8Array ? body : ReadableStream.from(body);
  await new Upload({ client, params: { ...target, Body }, partSize: MULTIPART_BYTES, leavePartsOnError: false }).done();
}

/** Any error of the SDK as one of ours. Names of buckets and objects stay out of the message. */
function storeError(error: unknown): unknown {
  const name = nameOf(error);
  const status = statusOf(error);
  if (isMissing(error)) {
    return new PipelineError("StoreMissing", "object is not in the store, expected it to be there", { cause: error });
  }
  if (status === 403) {
    return new PipelineError("StoreDenied", "S3 refused access (403), expected this role to be allowed", {
      cause: error,
    });
  }
  // What the body's own source throws is no answer of S3 and is passed on.
  if (status === undefined && !isNetworkError(error)) return error;
  if (isPermanent(status, name)) {
    return new PipelineError("StoreDenied", `S3 answered ${name} (${status}), expected success`, { cause: error });
  }
  const found =
    status === undefined ? `could not be reached (${codeOf(error) || name})` : `answered ${name} (${status})`;
  return new PipelineError("StoreBusy", `S3 ${found}, expected success`, { cause: error });
}

/** Answers that the same request gets again: a wrong bucket, a bad request. Time-outs and throttling pass. */
function isPermanent(status: number | undefined, name: string): boolean {
  if (status === undefined || status < 400 || status >= 500) return false;
  const passing = [408, 409, 429].includes(status) || /Expired|RequestTimeout|SlowDown|Throttl/.test(name);
  return !passing;
}

/** Gone, or not in the state that was asked for. */
function isMissing(error: unknown): boolean {
  const name = nameOf(error);
  return ["NoSuchKey", "NotFound", "NoSuchVersion", "PreconditionFailed"].includes(name) || statusOf(error) === 412;
}

function isNetworkError(error: unknown): boolean {
  return /^E[A-Z_]+$/.test(codeOf(error)) || ["TimeoutError", "CredentialsProviderError"].includes(nameOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

function statusOf(error: unknown): number | undefined {
  const metadata = error instanceof Error && "$metadata" in error ? error.$metadata : undefined;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}
