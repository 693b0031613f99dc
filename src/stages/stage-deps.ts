import type { Provider } from "#src/core/ids.js";
import type { Logger } from "#src/core/logger.js";
import type { Meter } from "#src/core/meter.js";
import type { ModelLibrary } from "#src/model/model-library.js";
import type { ScanStores } from "#src/storage/scan-store.js";
import type { JobSize } from "#src/workflow/job-sizes.js";
import type { ComputePlace } from "#src/workflow/prices.js";
import type { ShownImages } from "./shown-image.js";

/** Most that an upload may hold; where nothing is said, what the workflow and memory take. */
export interface UploadSizeLimits {
  /** Images, those of several channels counted once; `MAX_IMAGES` where nothing is said. */
  readonly images?: number | undefined;
  /** Of one image. */
  readonly voxels?: number | undefined;
  /** Of one uploaded file. */
  readonly uploadBytes?: number | undefined;
}

/** What a stage's process may use of a machine. */
export interface Capacity {
  /** The smallest first: of one machine what is free, of a deployment the sizes that a job can have. */
  readonly sizes: readonly { readonly memoryMiB: number; readonly workers: number }[];
  /** What runs the stages, as the system names it; where nothing is said it is another one than was measured. */
  readonly processor?: string;
  /** Whether Segment's process has to share that memory with the other stages'. */
  readonly isShared: boolean;
}

/** What every stage is given from outside: places, models and a voice. */
export interface StageDeps {
  readonly stores: ScanStores;
  readonly models: ModelLibrary;
  readonly logger: Logger;
  /** Nobody counts where nothing is said. */
  readonly meter?: Meter;
  /** The device that this deployment's networks run on. */
  readonly provider: Provider;
  /** The device of refinement steps that are graphs; `cpu` where nothing is said. */
  readonly stepProvider?: Provider;
  /** What Inspect refuses as too large. */
  readonly limits?: UploadSizeLimits;
  /** What jobs may use, by which Inspect plans; one worker and any memory where nothing is said. */
  readonly capacity?: Capacity;
  /** The sizes of jobs of a deployment, in the order of those of `capacity`; none on one machine. */
  readonly jobSizes?: readonly JobSize[];
  /** Source images that Publish need not read any more; none where nothing is said. */
  readonly shown?: ShownImages;
  /** What this runs on, for the receipt; this machine where nothing is said. */
  readonly place?: ComputePlace;
}
