import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import { scanIdOfObject } from "#src/core/ids.js";
import type { Logger } from "#src/core/logger.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { writeDocument } from "#src/stages/documents.js";
import { workKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { type ExecutionInput, RunRequest, type SourceDocument } from "#src/workflow/contract.js";

/** EventBridge's "Object Created" of S3, as far as it is read. Its keys are not URL-encoded. */
const ObjectCreated = z.object({
  detail: z.object({
    bucket: z.object({ name: z.string().min(1) }),
    object: z.object({
      key: z.string().min(1),
      "version-id": z.string().optional(),
      etag: z.string().default(""),
      sequencer: z.string().default(""),
    }),
  }),
});

/** One message of the queue. */
export interface QueueMessage {
  readonly messageId: string;
  readonly body: string;
}

export interface IntakeDeps {
  /** The bucket that `stores.source` reads. */
  readonly bucket: string;
  readonly stores: { readonly source: ScanStore; readonly work: ScanStore };
  readonly logger: Logger;
  /** Starts the workflow under a name; "exists" when an execution of that name was started before. */
  readonly start: (name: string, input: ExecutionInput) => Promise<"started" | "exists">;
}

/**
 * Takes in the objects that a batch of messages tells of. Events come twice, late and out of order: the execution's
 * name is a function of bucket, key and version, so a second event starts nothing.
 *
 * @returns ids of the messages that must be delivered again
 */
export async function takeInObjects(messages: readonly QueueMessage[], deps: IntakeDeps): Promise<string[]> {
  const failed: string[] = [];
  for (const { messageId, body } of messages) {
    try {
      await takeInObject(ObjectCreated.parse(JSON.parse(body)), deps);
    } catch (error) {
      // The queue delivers it again and at last moves it to the dead letters: nothing is lost.
      const code = error instanceof Error ? error.name : "unknown";
      deps.logger.warn("message failed", { messageId, code });
      failed.push(messageId);
    }
  }
  return failed;
}

async function takeInObject({ detail }: z.infer<typeof ObjectCreated>, deps: IntakeDeps): Promise<void> {
  const { bucket, object } = detail;
  if (bucket.name !== deps.bucket) {
    throw new PipelineError(
      "ContractViolation",
      "event tells of another bucket, expected the one that this function reads",
    );
  }
  const version = object["version-id"] ?? `${object.etag} ${object.sequencer}`;
  const scanId = scanIdOfObject(bucket.name, object.key, version);
  if (!isUpload(object.key)) {
    deps.logger.info("object ignored", { scanId });
    return;
  }
  const info = await deps.stores.source.head(object.key);
  if (info === null) {
    deps.logger.warn("object is gone", { scanId });
    return;
  }
  const source: SourceDocument = {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    bucket: bucket.name,
    objects: [{ key: object.key, version, size: info.size }],
    request: RunRequest.parse({}),
  };
  await writeDocument(deps.stores.work, workKeys.source(scanId), source);
  const started = await deps.start(scanId, { schemaVersion: SCHEMA_VERSION, scanId, attempt: 1 });
  deps.logger.info("scan taken in", { scanId, started: started === "started", bytes: info.size });
}

/** Markers of folders and unfinished or hidden files are no uploads; neither is what belongs to one. */
function isUpload(key: string): boolean {
  const name = key.slice(key.lastIndexOf("/") + 1);
  return name !== "" && !name.startsWith(".") && name !== "scan.json" && !/\.(partial|tmp)$/.test(name);
}
