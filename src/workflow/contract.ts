import { z } from "zod";
import { IMAGE_FORMAT_NAMES } from "#src/core/image-formats.js";
import { UNCERTAINTY_MAPS } from "#src/core/uncertainty-maps.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { STAGES } from "#src/storage/keys.js";
import { MAX_IMAGES } from "./execution-limits.js";
import { JobAsks } from "./job-sizes.js";
import { ComputePlace } from "./prices.js";

const schemaVersion = z.literal(SCHEMA_VERSION);
const scanId = z.string().regex(/^s-[0-9a-f]{40}$/);
const resultId = z.string().regex(/^r-[0-9a-f]{40}$/);
const taskId = z.string().regex(/^t\d{1,4}$/);
const attempt = z.int().min(1).max(999);
const key = z.string().min(1).max(1024);
const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);
const modelId = z.string().min(1).max(64);

/** Shares of the job queue, the most urgent first. */
export const SHARES = ["stat", "routine", "bulk"] as const;
const share = z.enum(SHARES);

/**
 * Results beside label map, segmentation and report. "rtstruct": outlines as a DICOM RT Structure Set. "sr": volumes as
 * a DICOM structured report. "probabilities": the network's own, before any step, as NIfTI. "glb", "stl": closed
 * surfaces. "uncertainty", "disagreement": where the network is unsure, as NIfTI and as scores of each structure.
 */
export const EXTRA_OUTPUTS = ["rtstruct", "sr", "probabilities", "glb", "stl", ...UNCERTAINTY_MAPS] as const;
export type ExtraOutput = (typeof EXTRA_OUTPUTS)[number];

/**
 * How outputs are de-identified: "basic" by the Basic Application Level Confidentiality Profile of DICOM PS3.15. Where
 * nothing is said they repeat patient and study of their source.
 */
const PROFILES = ["basic"] as const;
const deidentify = z.enum(PROFILES).optional();

/** How a DICOM segmentation keeps what it says: one bit a pixel, a label map, or probabilities in 255 steps. */
const SEG_KINDS = ["binary", "labelmap", "fractional"] as const;

// ---- State payloads: ids, keys and small facts, never voxels and never names of files. ----

/** Input of the execution. */
export const ExecutionInput = z.strictObject({ schemaVersion, scanId, attempt });
export type ExecutionInput = z.infer<typeof ExecutionInput>;

export const InspectInput = z.strictObject({ scanId, attempt });
export type InspectInput = z.infer<typeof InspectInput>;

/** One item of the Map: where the task is written down, and what the states choose by. */
export const TaskRef = z.strictObject({
  taskId,
  taskKey: key,
  identity: resultId,
  share,
  /**
   * Where Preprocess runs, and Publish does its work: a Lambda, or a Batch job when the estimate is too large for one.
   */
  preprocessOn: z.enum(["lambda", "batch"]),
  /**
   * What its jobs ask for, as it was planned, those of Preprocess and Publish the same; nothing on one machine. Absent in
   * references of before: an execution may outlive a deployment.
   */
  jobs: z.strictObject({ image: JobAsks, segment: JobAsks, postprocess: JobAsks }).optional(),
});
export type TaskRef = z.infer<typeof TaskRef>;

export const InspectOutput = z.strictObject({ scanId, attempt, tasks: z.array(TaskRef).min(1).max(MAX_IMAGES) });
export type InspectOutput = z.infer<typeof InspectOutput>;

/** Input of every stage of a task, in a Lambda and (as the job's one parameter) in a container. */
export const StageInput = z.strictObject({ taskKey: key });
export type StageInput = z.infer<typeof StageInput>;

/** Parameters of a Batch job: values are strings by the service's rule. */
export const JobParameters = z.strictObject({ taskKey: key });

export const StageOutput = z.strictObject({ stage: z.enum(STAGES), skipped: z.boolean() });
export type StageOutput = z.infer<typeof StageOutput>;

export const PublishOutput = z.strictObject({
  kind: z.literal("published"),
  taskId,
  identity: resultId,
  resultKey: key,
  warnings: z.int().min(0),
});
export type PublishOutput = z.infer<typeof PublishOutput>;

/** The error as Step Functions hands it to a Catch. */
export const CaughtError = z.strictObject({ Error: z.string(), Cause: z.string().optional() });
export type CaughtError = z.infer<typeof CaughtError>;

/** The states of the workflow file whose failure is handed to Quarantine. */
export const CAUGHT_STATES = [
  "Inspect",
  "Tasks",
  "Preprocess",
  "PreprocessJob",
  "Segment",
  "Postprocess",
  "PublishJob",
  "Publish",
] as const;
export type CaughtState = (typeof CAUGHT_STATES)[number];

export const QuarantineInput = z.strictObject({
  scanId,
  attempt,
  /** The task that failed; null when the scan failed before it had tasks. */
  task: TaskRef.nullable(),
  /** Under the name of the state that failed. */
  error: z.partialRecord(z.enum(CAUGHT_STATES), CaughtError),
});
export type QuarantineInput = z.infer<typeof QuarantineInput>;

export const QuarantineOutput = z.strictObject({
  kind: z.literal("quarantined"),
  subject: z.string(),
  code: z.string(),
  recordKey: key,
});
export type QuarantineOutput = z.infer<typeof QuarantineOutput>;

/** What one iteration of the Map returns. */
export const TaskOutcome = z.discriminatedUnion("kind", [PublishOutput, QuarantineOutput]);
export type TaskOutcome = z.infer<typeof TaskOutcome>;

/** Output of the execution when every task was published. */
export const ExecutionOutput = z.strictObject({
  scanId,
  attempt,
  outcomes: z.array(TaskOutcome),
  anyQuarantined: z.boolean(),
});
export type ExecutionOutput = z.infer<typeof ExecutionOutput>;

// ---- Documents in the work store. ----

/** What a user may ask for, by `scan.json`, prefix rule or command line. */
export const RunRequest = z
  .strictObject({
    model: modelId.optional(),
    /** "off": the manifest's postprocess steps are left out. */
    refine: z.enum(["on", "off"]).default("on"),
    /** Series with variable spacing or tilt; what is said here goes before the route's rule, which goes before "reject". */
    irregular: z.enum(["reject", "resample"]).optional(),
    seg: z.enum(SEG_KINDS).default("binary"),
    /** @default for a DICOM source with a binary segmentation a structured report, else none */
    outputs: z.array(z.enum(EXTRA_OUTPUTS)).optional(),
    /** Holds where the route or the request says so: neither can take back the other's. */
    deidentify,
    share: share.default("routine"),
  })
  .refine(({ seg, outputs }) => seg === "binary" || !outputs?.includes("sr"), {
    path: ["outputs"],
    message: "a structured report names the segments of a binary segmentation",
  });
export type RunRequest = z.infer<typeof RunRequest>;

/**
 * Why a series of loose files was taken for whole: `scan.json` gave the number of files, `scan.complete` closed the
 * folder, the headers gave the number, or nothing came for a while. "none": it was waited for long enough.
 */
const EVIDENCE = ["manifest-count", "closing-marker", "header-count", "quiet-period", "none"] as const;
export type Evidence = (typeof EVIDENCE)[number];

const Completeness = z.strictObject({
  evidence: z.enum(EVIDENCE),
  instances: z.int().min(1),
  /** The scan of the same series, of fewer or other files, that this one takes the place of. */
  supersedes: scanId.nullable(),
});

/** What was uploaded. The only document of the control path that names objects of the user. */
export const SourceDocument = z.strictObject({
  schemaVersion,
  scanId,
  bucket: z.string().min(1),
  /** On one machine what the user calls the upload: the name of its file or folder. On AWS its objects' keys say it. */
  name: z.string().min(1).optional(),
  /**
   * `version` is the state of the object that is meant: on S3 a version id, or in an unversioned bucket ETag and
   * sequencer with a space between them; on one machine the file's SHA-256.
   */
  objects: z.array(z.strictObject({ key, version: z.string(), size: z.int().min(0) })).min(1),
  request: RunRequest,
  /** Of loose files: by what they were taken for whole. */
  completeness: Completeness.optional(),
  /** Found when it was taken in: Inspect sets the scan aside with this. */
  refused: z
    .strictObject({
      code: z.enum(["SeriesIncomplete", "InputUnreadable", "InputUnsafe", "RequestDenied"]),
      message: z.string(),
    })
    .optional(),
});
export type SourceDocument = z.infer<typeof SourceDocument>;

export const WarningDocument = z.strictObject({ code: z.string(), message: z.string() });

/** Of a stage: the most memory that its process will hold, and the seconds inside networks where they were measured. */
const Predicted = z.strictObject({
  memoryMiB: z.int().min(1),
  /** Whether it may hold much less: how large a region of interest is, or what steps work on, shows only when it is found. */
  isAtMost: z.literal(true).optional(),
  networkSeconds: z.number().min(0).optional(),
  /** Of all processors together, and from when to when it will end: on an idle machine, and on one busy processor. */
  cpuSeconds: z.number().min(0).optional(),
  seconds: z.tuple([z.number().min(0), z.number().min(0)]).optional(),
  /** The smallest of the sizes there are that holds it; its job has that of the largest stage it shares a size with. */
  jobSize: z.int().min(0).optional(),
});

/** One task: one image, one model. */
export const TaskDocument = z.strictObject({
  schemaVersion,
  scanId,
  attempt,
  taskId,
  identity: resultId,
  model: z.strictObject({ id: modelId, version: z.string(), digest: sha256Hex }),
  refine: z.enum(["on", "off"]),
  seg: z.enum(SEG_KINDS),
  outputs: z.array(z.enum(EXTRA_OUTPUTS)),
  deidentify: z
    .strictObject({
      profile: z.enum(PROFILES),
      /** What the report shows: the image, or the structures alone where names may be burned into the image. */
      pictures: z.enum(["image", "structures"]),
    })
    .optional(),
  share,
  /** The images that the model reads, in the order of its channels. */
  channels: z
    .array(
      z.strictObject({
        format: z.enum(IMAGE_FORMAT_NAMES),
        entries: z.array(z.int().min(0)).min(1),
        parts: z.array(z.int().min(1)).nullable(),
        irregular: z.string().nullable(),
        instances: z.array(z.string()).min(1),
        modality: z.string().nullable(),
      }),
    )
    .min(1),
  warnings: z.array(WarningDocument),
  estimate: z.strictObject({ voxels: z.int().min(1), memoryMiB: z.int().min(1) }),
  /** What was predicted before anything started; absent in documents of before. */
  plan: z
    .strictObject({
      /** Runs of a network at once. */
      workers: z.int().min(1),
      /** Tiles of a 2-D network in one run at most; as many as it is fed with where nothing is said. */
      batch: z.int().min(1).optional(),
      preprocess: Predicted,
      segment: Predicted.optional(),
      /** Absent where there are no steps. */
      postprocess: Predicted.optional(),
      publish: Predicted,
    })
    .optional(),
});
export type TaskDocument = z.infer<typeof TaskDocument>;

const output = z.strictObject({ key, size: z.int().min(0), sha256: sha256Hex });

/** What a stage used. */
export const StageUse = z.strictObject({
  place: ComputePlace,
  bytesIn: z.int().min(0),
  bytesOut: z.int().min(0),
  /** The most memory that its process held while it ran; absent in records of before. */
  peakMiB: z.int().min(1).optional(),
  /** Of all processors, user and system, while it ran; absent in records of before. */
  cpuSeconds: z.number().min(0).optional(),
  /** What the task's plan said of that before. */
  predicted: Predicted.optional(),
});
export type StageUse = z.infer<typeof StageUse>;

/** Written last by a stage. Present and matching its input: the stage is skipped. */
export const DoneRecord = z.strictObject({
  schemaVersion,
  stage: z.enum(STAGES),
  /** Digest of everything that the stage's outputs depend on. */
  inputDigest: sha256Hex,
  outputs: z.array(output),
  warnings: z.array(WarningDocument),
  /** Small numbers for the report, as the time inside the network. Never part of an identity. */
  facts: z.record(z.string(), z.union([z.number(), z.string()])),
  seconds: z.number().min(0),
  /** Where it ran, and the bytes that it read of earlier stages and wrote; absent in records of before. */
  used: StageUse.optional(),
});
export type DoneRecord = z.infer<typeof DoneRecord>;

/** Left by a container that failed, before it ends with an exit code. */
export const FailureRecord = z.strictObject({
  schemaVersion,
  stage: z.enum(STAGES),
  code: z.string(),
  message: z.string(),
  exitCode: z.int(),
});
export type FailureRecord = z.infer<typeof FailureRecord>;

// ---- Documents in the store of de-identification. ----

/** The way back from the UIDs of a de-identified result. Holds what identifies: never beside a result. */
export const UidMap = z.strictObject({
  schemaVersion,
  /** Of the published result. */
  identity: resultId,
  /** Under which the work store knows it. */
  taskIdentity: resultId,
  /** Of the secret that the UIDs were made with. */
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
  /** Original UID to that in the outputs. */
  uids: z.record(z.string(), z.string()),
});
export type UidMap = z.infer<typeof UidMap>;

/** Of which upload a de-identified scan was: the table of runs does not say. */
export const DeidentifiedScan = z.strictObject({
  schemaVersion,
  scanId,
  source: z.strictObject({ bucket: z.string(), keys: z.array(key) }),
  /** Of each task its published result. */
  taskId,
  identity: resultId,
});
export type DeidentifiedScan = z.infer<typeof DeidentifiedScan>;

// ---- Documents in the results store. ----

/** What a map says of the voxels of one structure; null where it has none. */
const MapScore = z
  .strictObject({
    mean: z.number().min(0).max(1),
    /** Share of the voxels with a value above `above`. */
    share: z.number().min(0).max(1),
    above: z.number(),
  })
  .nullable();

/** Why a scan or a task was set aside. Encrypted like the scan: it may name the source object. */
export const QuarantineRecord = z.strictObject({
  schemaVersion,
  scanId,
  attempt,
  subject: z.string(),
  step: z.string(),
  code: z.string(),
  message: z.string(),
  advice: z.string(),
  retryable: z.boolean(),
  source: z.strictObject({ bucket: z.string(), keys: z.array(key) }),
});
export type QuarantineRecord = z.infer<typeof QuarantineRecord>;

/**
 * A scan that waits, as its folder has used up the runs of a day. All that starting it needs is in here: it is kept as
 * long as results are. Removed when the scan is started.
 */
export const HeldRecord = z.strictObject({
  schemaVersion,
  scanId,
  code: z.literal("DailyLimit"),
  message: z.string(),
  /** The day (UTC) whose runs were used up when it came. */
  day: z.iso.date(),
  /** Of loose files: the series that intake goes on with. */
  seriesId: z.string().nullable(),
  source: SourceDocument,
});
export type HeldRecord = z.infer<typeof HeldRecord>;

/** One line of the table of all runs. */
export const IndexRecord = z.strictObject({
  schemaVersion,
  scanId,
  attempt,
  subject: z.string(),
  /** The upload by its name, else by the key of its first object; empty where results are de-identified. */
  source: z.string(),
  status: z.enum(["published", "quarantined"]),
  code: z.string().nullable(),
  model: z.string().nullable(),
  /** Of loose files: by what they were taken for whole. */
  completeness: Completeness.optional(),
  volumesMl: z.record(z.string(), z.number()),
  resultKey: key.nullable(),
});
export type IndexRecord = z.infer<typeof IndexRecord>;

/** `result.json`: what was published. Written last and byte-identical on every rerun. */
export const ResultDocument = z.strictObject({
  schemaVersion,
  identity: resultId,
  model: z.strictObject({ id: modelId, version: z.string(), digest: sha256Hex }),
  notice: z.string(),
  /** By which profile nothing in it identifies; absent where outputs repeat patient and study of their source. */
  deidentified: deidentify,
  structures: z.array(
    z.strictObject({
      label: z.int().min(1),
      name: z.string(),
      displayName: z.string(),
      voxels: z.int().min(0),
      /** Null where the source gives no spacing. */
      volumeMl: z.number().nullable(),
      centroidRasMm: z.tuple([z.number(), z.number(), z.number()]).nullable(),
      /** Only where the map was asked for. */
      uncertainty: MapScore.optional(),
      disagreement: MapScore.optional(),
    }),
  ),
  warnings: z.array(WarningDocument),
  files: z.array(z.strictObject({ name: z.string(), size: z.int().min(0), sha256: sha256Hex })),
});
export type ResultDocument = z.infer<typeof ResultDocument>;
