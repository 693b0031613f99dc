import { executionName } from "#src/core/ids.js";
import type { Deployment, ExecutionState } from "#src/operate/deployment.js";
import { writeDocument } from "#src/stages/documents.js";
import { resultKeys, type Stage, workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import type { ErasableStore } from "#src/storage/scan-store.js";
import type {
  DoneRecord,
  IndexRecord,
  QuarantineRecord,
  SourceDocument,
  TaskDocument,
} from "#src/workflow/contract.js";

export const scanIdOf = (n: number) => `s-${String(n).padStart(40, "0")}`;
export const resultIdOf = (n: number) => `r-${String(n).padStart(40, "0")}`;

/** Stores with records of scans that were run, as the stages leave them, and executions that are what a test says. */
export class OperatedScans {
  readonly stores: { readonly work: ErasableStore; readonly results: ErasableStore };
  /** By name. */
  readonly executions = new Map<string, ExecutionState>();

  constructor(stores: OperatedScans["stores"] = { work: memoryStore(), results: memoryStore() }) {
    this.stores = stores;
  }

  deployment(changes: Partial<Deployment> = {}): Deployment {
    return {
      ...this.stores,
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
    const source: SourceDocument = {
      schemaVersion: 1,
      scanId,
      bucket: "uploads",
      objects: [{ key: "ward 7/doe.zip", version: "v1", size: 9 }],
      request: { refine: "on", seg: "binary", share: "stat" },
      ...changes,
    };
    await writeDocument(this.stores.work, workKeys.source(scanId), source);
  }

  /** A task with the records and files of the stages that are done. */
  async task(scanId: string, attempt: number, taskId: string, identity: string, done: readonly Stage[]): Promise<void> {
    const task: TaskDocument = {
      schemaVersion: 1,
      ...{ scanId, attempt, taskId, identity },
      model: { id: "liver", version: "1", digest: "a".repeat(64) },
      ...{ refine: "on", seg: "binary", outputs: [], share: "stat", warnings: [] },
      channels: [{ format: "nifti", entries: [0], parts: null, irregular: null, instances: ["d"], modality: null }],
      estimate: { voxels: 8, memoryMiB: 1 },
    };
    await writeDocument(this.stores.work, workKeys.task(scanId, attempt, taskId), task);
    for (const stage of done) {
      const record: DoneRecord = {
        ...{ schemaVersion: 1, stage, inputDigest: "b".repeat(64), outputs: [], warnings: [], facts: {}, seconds: 1 },
      };
      await writeDocument(this.stores.work, workKeys.done(identity, taskId, stage), record);
      await this.stores.work.put(workKeys.output(identity, taskId, stage, "labels.nii.gz"), Uint8Array.of(1));
    }
  }

  async published(scanId: string, attempt: number, taskId: string, identity: string, source = "a.zip"): Promise<void> {
    const { results } = this.stores;
    const resultKey = resultKeys.result(identity);
    await results.put(resultKeys.file(identity, "labels.nii.gz"), Uint8Array.of(1));
    await writeDocument(results, resultKey, {
      schemaVersion: 1,
      identity,
      model: { id: "liver", version: "1", digest: "a".repeat(64) },
      ...{ notice: "n", structures: [], warnings: [{ code: "EmptyMask", message: "m" }], files: [] },
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
