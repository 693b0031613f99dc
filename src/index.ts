// The library: what a program that embeds the pipeline imports.
export { ERROR_CODES, type ErrorCode, PipelineError } from "./core/errors.js";
export { type Logger, silentLogger } from "./core/logger.js";
export { localWorker } from "./local/local-worker.js";
export { type RunOptions, type RunOutcome, runScan, type StateEvent } from "./local/run-scan.js";
export { type LocalUpload, takeIn } from "./local/take-in.js";
export type { WorkerProcess } from "./local/worker-process.js";
export { ModelManifest } from "./model/manifest.js";
export { folderModels, type ModelLibrary, type ModelPackage } from "./model/model-library.js";
export { folderStore } from "./storage/folder-store.js";
export { memoryStore } from "./storage/memory-store.js";
export type { ScanStore, ScanStores } from "./storage/scan-store.js";
export { QuarantineRecord, ResultDocument, RunRequest } from "./workflow/contract.js";
