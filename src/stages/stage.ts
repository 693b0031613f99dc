import type { ResultId } from "#src/core/ids.js";
import type { LogFields } from "#src/core/logger.js";
import type { Pseudonyms } from "#src/core/pseudonyms.js";
import type { ScanWarning } from "#src/core/warnings.js";
import type { ModelPackage } from "#src/model/model-library.js";
import type { ResultFile, Stage, StageFile } from "#src/storage/keys.js";
import type { DoneRecord, StageUse, TaskDocument } from "#src/workflow/contract.js";
import type { StageDeps } from "./stage-deps.js";

/** What a stage is given to work on one task: the task, its model, the way to earlier outputs and to its own. */
export interface StageWork {
  readonly task: TaskDocument;
  /** Of the result as it is published: of a de-identified one a pseudonym of the task's. */
  readonly identity: ResultId;
  /** Of a task whose outputs are de-identified, in Publish. */
  readonly pseudonyms: Pseudonyms | null;
  readonly model: ModelPackage;
  readonly deps: StageDeps;
  /** Records of the stages before this one, in order. */
  readonly earlier: readonly DoneRecord[];
  /**
   * An output of an earlier stage, its digest compared.
   *
   * @throws {PipelineError} `StoreCorrupt` when the bytes are not the ones that stage wrote
   */
  read(stage: Stage, file: StageFile): Promise<Uint8Array>;
  /** Whether an earlier stage wrote this file. */
  has(stage: Stage, file: StageFile): boolean;
  /** Writes an output of this stage. */
  write(file: StageFile, bytes: Uint8Array): Promise<void>;
  /** Writes a file of the published result (Publish only). */
  publish(file: ResultFile, bytes: Uint8Array, options: { readonly contentType: string }): Promise<void>;
  /** What this stage used so far. */
  used(): StageUse;
  /** Reports progress; ids and numbers only. */
  progress(message: string, fields: LogFields): void;
}

/** What a stage has to say besides its files. */
export interface StageReport {
  readonly warnings?: readonly ScanWarning[];
  readonly facts?: Readonly<Record<string, number | string>>;
}

/** One stage of a task. Runs again from the start when it was interrupted: its outputs are a function of its inputs. */
export interface StageDefinition {
  readonly stage: Stage;
  run(work: StageWork): Promise<StageReport>;
  /** Runs afterwards, also when the stage was skipped because another run had done it. */
  always?(task: TaskDocument, identity: ResultId, deps: StageDeps): Promise<void>;
}
