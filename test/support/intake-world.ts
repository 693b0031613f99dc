import { type IntakeDeps, takeInMessages } from "#functions/intake/take-in-messages.js";
import type { LogFields } from "#src/core/logger.js";
import type { CompletenessRules } from "#src/intake/completeness.js";
import { memoryLedger } from "#src/intake/memory-ledger.js";
import { checkMessage, releaseMessage } from "#src/intake/upload-events.js";
import { readDocument } from "#src/stages/documents.js";
import { workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { SourceDocument } from "#src/workflow/contract.js";
import { UploadRules } from "#src/workflow/upload-rules.js";

export const BUCKET = "uploads";
export const RULES: CompletenessRules = { quietSeconds: 60, maxWaitSeconds: 600 };

/** One execution, as long as nobody ended it. */
export interface Run {
  readonly scanId: string;
  readonly startedAt: number;
  endedAt: number | null;
}

/** Intake in a world without AWS: its clock stands still until it is told otherwise. */
export class IntakeWorld {
  readonly logged: unknown[] = [];
  readonly runs: Run[] = [];
  readonly source = memoryStore();
  readonly work = memoryStore();
  readonly results = memoryStore();
  readonly deps: IntakeDeps;
  /** Seconds that a run takes. */
  runSeconds = 30;
  #now = 1_000_000;
  #checks: { body: string; time: number }[] = [];
  #messages = 0;

  constructor(changes: Partial<IntakeDeps> = {}) {
    const log = (message: string, fields?: LogFields) => this.logged.push({ message, ...fields });
    this.deps = {
      bucket: BUCKET,
      stores: { source: this.source, work: this.work, results: this.results },
      uploads: UploadRules.parse({}),
      ledger: memoryLedger(),
      rules: RULES,
      logger: { info: log, warn: log },
      now: () => this.#now,
      start: async (scanId) => {
        if (this.runs.some((run) => run.scanId === scanId)) return;
        this.runs.push({ scanId, startedAt: this.#now, endedAt: null });
      },
      isRunning: async (scanId) => this.running.some((run) => run.scanId === scanId),
      checkAt: async (id, time) => void this.#checks.push({ body: checkMessage(id, time), time }),
      releaseAt: async (id, time) => void this.#checks.push({ body: releaseMessage(id, time), time }),
      ...changes,
    };
  }

  get running(): Run[] {
    for (const run of this.runs) {
      const end = run.startedAt + this.runSeconds * 1000;
      if (run.endedAt === null && this.#now >= end) run.endedAt = end;
    }
    return this.runs.filter((run) => run.endedAt === null);
  }

  get checks(): number {
    return this.#checks.length;
  }

  /** The event of an object, as a message. */
  event(key: string, object: object = {}): { messageId: string; body: string } {
    const state = { key, size: 12, etag: "e", sequencer: "1", "version-id": "v1", ...object };
    const detail = { bucket: { name: BUCKET }, object: state };
    const time = "2026-01-01T00:00:00Z";
    return {
      messageId: `m${++this.#messages}`,
      body: JSON.stringify({ "detail-type": "Object Created", time, detail }),
    };
  }

  put(key: string, body: Uint8Array | string): Promise<unknown> {
    return this.source.put(key, typeof body === "string" ? new TextEncoder().encode(body) : body);
  }

  /** Delivers events in one batch. @returns ids of the messages that failed */
  deliver(...events: { messageId: string; body: string }[]): Promise<string[]> {
    return takeInMessages(events, this.deps);
  }

  /** Lets time go by; checks are made when they are due. */
  async pass(seconds: number): Promise<void> {
    const until = this.#now + seconds * 1000;
    for (;;) {
      const due = this.#checks.filter(({ time }) => time <= until).sort((a, b) => a.time - b.time)[0];
      if (due === undefined) break;
      this.#checks = this.#checks.filter((check) => check !== due);
      this.#now = Math.max(this.#now, due.time);
      await this.deliver({ messageId: `c${++this.#messages}`, body: due.body });
    }
    this.#now = until;
  }

  sourceOf(scanId: string): Promise<SourceDocument> {
    return readDocument(this.work, workKeys.source(scanId), SourceDocument);
  }
}
