import type { Provider } from "#src/core/ids.js";
import type { Logger } from "#src/core/logger.js";
import type { ModelLibrary } from "#src/model/model-library.js";
import type { ScanStores } from "#src/storage/scan-store.js";
import type { ComputePlace } from "#src/workflow/prices.js";

/** What every stage is given from outside: places, models and a voice. */
export interface StageDeps {
  readonly stores: ScanStores;
  readonly models: ModelLibrary;
  readonly logger: Logger;
  /** The device that this deployment's networks run on. */
  readonly provider: Provider;
  /** The device of refinement steps that are graphs; `cpu` where nothing is said. */
  readonly stepProvider?: Provider;
  /** What jobs may use, by which Inspect plans; one worker and any memory where nothing is said. */
  readonly limits?: {
    readonly workers: number;
    readonly memoryMiB: number | null;
    /** Whether Segment's process has to share that memory with the other stages'. */
    readonly isShared: boolean;
  };
  /** What this runs on, for the receipt; this machine where nothing is said. */
  readonly place?: ComputePlace;
}
