import { executionName } from "#src/core/ids.js";
import type { Deployment, ExecutionState } from "#src/operate/deployment.js";
import { writeDocument } from "#src/stages/documents.js";
import { deidKeys, resultKeys, type Stage, workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import type { ErasableStore } from "#src/storage/scan-store.js";
import type {
  DeidentifiedScan,
  DoneRecord,
  HeldRecord,
  IndexRecord,
  QuarantineRecord,
  ResultDocument,
  SourceDocument,
  TaskDocument,
  UidMap,
} from "#src/workflow/contract.js";

export const scanIdOf = (n: number) => `s-${String(n).padStart(40, "0")}`;
export const resultIdOf = (n: number) => `r-${String(n).padStart(40, "0")}`;

function sourceOf(scanId: string, changes: Partial<SourceDocument>): SourceDocument {
  return {
    schemaVersion: 1,
    scanId,
    bucket: "uploads",
    objects: [{ key: "ward 7/doe.zip", version: "v1", size: 9 }],
    request: { refine: "on", seg: "binary", share: "stat" },
    ...changes,
  };
}

/** Stores with records of scans that were run, as the stages leave them, and executions that are what a test says. */
export class OperatedScans {
  readonly stores: { readonly work: ErasableStore; readonly results: ErasableStore; readonly deid?: ErasableStore };
  /** By name. */
  readonly executions = new Map<string, ExecutionState>();

  constructor(stores: OperatedScans["stores"] = { work: memoryStore(), results: memoryStore(), deid: memoryStore() }) {
    this.stores = stores;
  }

  deployment(changes: Partial<Deployment> = {}): Deployment {
    return {
      ...this.stores,
      deid: this.stores.deid ?? null,
      executions: {
        describe: async (scanId, attempt) => this.executions.get(executionName(scanId, attempt)) ?? null,
        start: async (scanId, attempt) => this.execution(scanId, attempt, "RUNNING"),
      },
      ledger: null,
      bucket: null,
      ...changes,
    };
  }

  execution(scanId: string, attempt: number, status: string): void {
    const name = executionName(scanId, attempt);
    const endedAt = status === "RUNNING" ? null : "2026-01-01T00:01:00.000Z";
    this.executions.set(name, { name, status, startedAt: "2026-01-01T00:00:00.000Z", endedAt });
  }

  async takenIn(scanId: string, changes: Partial<SourceDocument> = {}): Promise<void> {
    await writeDocument(this.stores.work, workKeys.source(scanId), sourceOf(scanId, changes));
  }

  /** Taken in on a day whose runs were used up. */
  async held(scanId: string, day: string): Promise<void> {
    await this.takenIn(scanId);
    const record: HeldRecord = {
      ...{ schemaVersion: 1, scanId, code: "DailyLimit", message: "m", day, seriesId: null },
      source: sourceOf(scanId, {}),
    };
    await writeDocument(this.stores.results, resultKeys.held(scanId), record);
  }

  /**
   * What Publish leaves of a de-identified task.
   *
   * @param identity of the result, which is not that of the task
   */
  async deidentified(scanId: string, taskId: string, taskIdentity: string, identity: string): Promise<void> {
    const { deid } = this.stores;
    if (deid === undefined) throw new TypeError("no store for it");
    const done = ["preprocess", "segment", "postprocess", "publish"] as const;
    await this.task(scanId, 1, taskId, taskIdentity, done, { deidentify: { profile: "basic", pictures: "image" } });
    const record: DeidentifiedScan = {
      ...{ schemaVersion: 1, scanId, taskId, identity },
      source: { bucket: "uploads", keys: ["ward 7/doe.zip"] },
    };
    await writeDocument(deid, deidKeys.scan(scanId, taskId, identity), record);
    const map: UidMap = { ...{ schemaVersion: 1, identity, taskIdentity, keyId: "0".repeat(16) }, uids: {} };
    await writeDocument(deid, deidKeys.map(identity), map);
    await this.published(scanId, 1, taskId, identity, "", { deidentified: "basic" });
  }

  /** A task with the records and files of the stages that are done. */
  async task(
    scanId: string,
    attempt: number,
    taskId: string,
    identity: string,
    done: readonly Stage[],
    changes: Partial<TaskDocument> = {},
  ): Promise<void> {
    const task: TaskDocument = {
      schemaVersion: 1,
      ...{ scanId, attempt, taskId, identity },
      model: { id: "liver", version: "1", digest: "a".repeat(64) },
      ...{ refine: "on", seg: "binary", outputs: [], share: "stat", warnings: [] },
      channels: [{ format: "nifti", entries: [0], parts: null, irregular: null, instances: ["d"], modality: null }],
      estimate: { voxels: 8, memoryMiB: 1 },
      ...changes,
    };
    await writeDocument(this.stores.work, workKeys.task(scanId, attempt, taskId), task);
    for (const stage of done) {
      const record: DoneRecord = {
        ...{ schemaVersion: 1, stage, inputDigest: "b".repeat(64), outputs: [], warnings: [], facts: {}, seconds: 1 },
      };
      await writeDocument(this.stores.work, workKeys.done(identity, stage), record);
      await this.stores.work.put(workKeys.output(identity, stage, "labels.nii.gz", "c".repeat(64)), Uint8Array.of(1));
    }
  }

  async published(
    scanId: string,
    attempt: number,
    taskId: string,
    identity: string,
    source = "a.zip",
    changes: Partial<ResultDocument> = {},
  ): Promise<void> {
    const { results } = this.stores;
    const resultKey = resultKeys.result(identity);
    await results.put(resultKeys.file(identity, "labels.nii.gz"), Uint8Array.of(1));
    await writeDocument(results, resultKey, {
      schemaVersion: 1,
      identity,
      model: { id: "liver", version: "1", digest: "a".repeat(64) },
      ...{ notice: "n", structures: [], warnings: [{ code: "EmptyMask", message: "m" }], files: [] },
      ...changes,
    });
    await this.#line({ scanId, attempt, subject: taskId, status: "published", code: null, resultKey, source });
  }

  async setAside(scanId: string, attempt: number, subject: string, code: string, source = "a.zip"): Promise<void> {
    const record: QuarantineRecord = {
      schemaVersion: 1,
      ...{ scanId, attempt, subject, step: "segment", code, message: "m", advice: "do it", retryable: true },
      source: { bucket: "uploads", keys: [source] },
    };
    await writeDocument(this.stores.results, resultKeys.quarantine(scanId, attempt, subject), record);
    await this.#line({ scanId, attempt, subject, status: "quarantined", code, resultKey: null, source });
  }

  async #line(line: Pick<IndexRecord, "scanId" | "attempt" | "subject" | "status" | "code" | "resultKey" | "source">) {
    const record: IndexRecord = { schemaVersion: 1, model: "liver", volumesMl: {}, ...line };
    await writeDocument(this.stores.results, resultKeys.index(line.scanId, line.attempt, line.subject), record);
  }

  /** Every key of both stores. */
  async keys(): Promise<string[]> {
    const keys: string[] = [];
    for (const [name, store] of Object.entries(this.stores)) {
      for await (const { key } of store.list("")) keys.push(`${name}:${key}`);
    }
    return keys;
  }
}
