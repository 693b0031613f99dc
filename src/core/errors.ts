/**
 * Who has to act on a failure. Each class has one exit code (BSD `sysexits.h` where it has a fitting one), so that
 * AWS Batch can decide by exit code alone whether another attempt makes sense.
 */
export const ERROR_CLASSES = {
  /** The upload itself: another attempt with the same bytes fails the same way. */
  input: { exitCode: 65 },
  /** A model package, a route or a setting. */
  model: { exitCode: 78 },
  /** What was made did not pass its own proof. */
  result: { exitCode: 76 },
  /** A service or machine that may work the next time. */
  transient: { exitCode: 75 },
  /** A fault of this program. */
  internal: { exitCode: 70 },
} as const;
export type ErrorClass = keyof typeof ERROR_CLASSES;

/** Every failure that can happen in production, whether trying again can help, and what to do about it. */
export const ERROR_CODES = {
  InputUnreadable: {
    class: "input",
    retryable: false,
    advice: "send the file again; it is damaged or of another format than its name says",
  },
  InputUnsupported: {
    class: "input",
    retryable: false,
    advice: "convert the file to a supported encoding and upload it again",
  },
  InputUnsafe: {
    class: "input",
    retryable: false,
    advice: "send no links that lead out or back, and archives without parent paths and within the size limits",
  },
  NoImage: { class: "input", retryable: false, advice: "upload at least one DICOM series or NIfTI volume" },
  SeriesGap: { class: "input", retryable: false, advice: "send the missing slices and upload the whole series again" },
  SeriesIncomplete: { class: "input", retryable: false, advice: "send the missing instances of the series" },
  SeriesIrregular: {
    class: "input",
    retryable: false,
    advice: "upload one series with one slice spacing, or allow resampling for this route",
  },
  SeriesInconsistent: {
    class: "input",
    retryable: false,
    advice: "upload files of one series with one size, orientation and pixel spacing",
  },
  InputMismatch: {
    class: "input",
    retryable: false,
    advice: "choose a model that fits this image, or send the image that the model needs",
  },
  RequestDenied: {
    class: "input",
    retryable: false,
    advice: "ask in scan.json for what this folder may have, or have its rule of uploads changed",
  },
  NoRoute: { class: "model", retryable: false, advice: "name a model, or add a rule to models/routes.json" },
  ModelUnknown: { class: "model", retryable: false, advice: "choose one of the models that `scanlane models` lists" },
  ModelInvalid: { class: "model", retryable: false, advice: "correct the model package named in the message" },
  ModelDigestMismatch: {
    class: "model",
    retryable: false,
    advice: "install the model package again; its files are not the ones its manifest names",
  },
  DeviceUnavailable: {
    class: "model",
    retryable: false,
    advice: "run where the device is, or ask for the CPU",
  },
  DeidentificationUnavailable: {
    class: "model",
    retryable: false,
    advice: "give this deployment a place for secret and UID maps, or ask for no de-identification",
  },
  MemoryInsufficient: {
    class: "model",
    retryable: false,
    advice: "run where the memory named is there, or allow more with --memory",
  },
  InferenceFailed: {
    class: "model",
    retryable: false,
    advice: "run the model's golden case; if it fails, the package or the device is at fault",
  },
  ResultInvalid: {
    class: "result",
    retryable: false,
    advice: "report this: the written result did not agree with the label map, and nothing was published",
  },
  StoreMissing: {
    class: "input",
    retryable: false,
    advice: "upload the object again; it was not there when it was read",
  },
  StoreDenied: {
    class: "model",
    retryable: false,
    advice: "give this role or user access to the store, and to the key that encrypts it",
  },
  StoreLocked: {
    class: "model",
    retryable: false,
    advice: "wait until the lock has ended, or have it lifted by somebody who may",
  },
  StoreBusy: { class: "transient", retryable: true, advice: "try again later" },
  StoreCorrupt: {
    class: "transient",
    retryable: true,
    advice: "start a new attempt; an intermediate object was damaged and is made again",
  },
  ComputeLost: {
    class: "transient",
    retryable: true,
    advice: "start a new attempt; the machine or process ended without a word",
  },
  CapacityUnavailable: {
    class: "transient",
    retryable: true,
    advice: "start a new attempt later, or allow more instance types",
  },
  ScanRunning: {
    class: "transient",
    retryable: false,
    advice: "wait until the scan's execution has ended, or stop it",
  },
  ContractViolation: {
    class: "internal",
    retryable: false,
    advice: "report this: a state received a payload that its schema refuses",
  },
  Internal: { class: "internal", retryable: false, advice: "report this with the code and step" },
} as const satisfies Record<string, { class: ErrorClass; retryable: boolean; advice: string }>;
export type ErrorCode = keyof typeof ERROR_CODES;

export interface PipelineErrorOptions {
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, string | number>>;
}

/**
 * A failure that can happen in production. `message` is one sentence: subject, what was found, what was expected;
 * lower-case start, no full stop, and never a patient's name or a file's name (entries are named by ordinal).
 */
export class PipelineError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: ErrorCode, message: string, options: PipelineErrorOptions = {}) {
    super(message, { cause: options.cause });
    // Step Functions reports an uncaught Lambda error under its `name`.
    this.name = code;
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Whether a value read from outside (an exit record, a state's error) is one of our codes. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(ERROR_CODES, value);
}

/**
 * Any thrown value as a `PipelineError`. What is not one already becomes `Internal`, with a message that names only
 * the kind of the error: a library's own text may carry file names or header values.
 */
export function toPipelineError(error: unknown): PipelineError {
  if (error instanceof PipelineError) return error;
  const kind = error instanceof Error ? error.constructor.name : typeof error;
  return new PipelineError("Internal", `unexpected ${kind} in this step`, { cause: error });
}

/** Exit code of a process that failed with this code. */
export function exitCodeOf(code: ErrorCode): number {
  return ERROR_CLASSES[ERROR_CODES[code].class].exitCode;
}
