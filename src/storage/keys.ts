import type { ResultId, ScanId } from "#src/core/ids.js";

/** The stages of one task, in their order. */
export const STAGES = ["preprocess", "segment", "postprocess", "publish"] as const;
export type Stage = (typeof STAGES)[number];

/** The name of every object in the work store. */
export const workKeys = {
  /** What was uploaded and what was asked for (`SourceDocument`). Written by intake. */
  source: (scanId: ScanId) => `${scanId}/source.json`,
  /** On one machine: the folder that the upload lies in (`OriginDocument`). */
  origin: (scanId: ScanId) => `${scanId}/origin.json`,
  /** Prefix of everything that is kept by the scan's id: what was asked for, and the tasks of each attempt. */
  scan: (scanId: ScanId) => `${scanId}/`,
  /** One task (`TaskDocument`): the one key that a stage is given. */
  task: (scanId: ScanId, attempt: number, taskId: string) => `${scanId}/a${attempt}/tasks/${taskId}.json`,
  /** Prefix of what the stages made for one result: by it alone, as tasks of other uploads and numbers may have it too. */
  made: (identity: ResultId) => `${identity}/`,
  /**
   * A file that a stage made, by its own digest: two runs of one stage whose bytes differ overwrite nothing of each
   * other. Which one counts says `done`, by whose keys outputs are read.
   */
  output: (identity: ResultId, stage: Stage, file: StageFile, sha256: string) =>
    `${identity}/${stage}/${sha256.slice(0, 16)}/${file}`,
  /** Written last by a stage, by conditional create: the list of its outputs (`DoneRecord`). */
  done: (identity: ResultId, stage: Stage) => `${identity}/${stage}/done.json`,
  /**
   * Why a container's stage failed (`FailureRecord`); the exit code is never 0 when this is written. By scan: another
   * scan of the same image has the same result and fails for reasons of its own.
   */
  failure: (scanId: ScanId, attempt: number, taskId: string, stage: Stage) =>
    `${scanId}/a${attempt}/failures/${taskId}-${stage}.json`,
} as const;

/** Whose task a key names; null for any other key. */
export function taskOfKey(
  key: string,
): { readonly scanId: ScanId; readonly attempt: number; readonly taskId: string } | null {
  const [, scanId, attempt, taskId] = /^(s-[0-9a-f]{40})\/a(\d{1,3})\/tasks\/(t\d{1,4})\.json$/.exec(key) ?? [];
  if (scanId === undefined || taskId === undefined) return null;
  return { scanId, attempt: Number(attempt), taskId };
}

/** Files that stages hand over, all NIfTI or JSON. */
export const STAGE_FILES = {
  /** The source image on its own grid, rescaled, float32. */
  image: "image.nii.gz",
  /** What the network reads: oriented, cropped, normalised, resampled; channels along the fourth axis. */
  networkInput: "network-input.nii",
  /** The way back from the network's grid to the source grid (`GridDocument`). */
  grid: "grid.json",
  /** What a DICOM result must repeat of its source (`DicomSource`). Holds patient data: encrypted like the scan. */
  dicomSource: "dicom-source.json",
  labels: "labels.nii.gz",
  /** Where the network is unsure, 0 to 1, float32 on the source grid; where asked for. */
  uncertainty: "uncertainty.nii.gz",
  /** Where its members, or its answers to mirrored images, say different things; the same way. */
  disagreement: "disagreement.nii.gz",
} as const;

/** A stage's file: one of the fixed names, or the probabilities of one label. */
export type StageFile = (typeof STAGE_FILES)[keyof typeof STAGE_FILES] | `probabilities-${number}.nii.gz`;

/** Probabilities of one label inside the foreground box. */
export function probabilitiesFile(label: number): StageFile {
  return `probabilities-${label}.nii.gz`;
}

/** The files of one published result. */
export const RESULT_FILES = {
  labels: "labels.nii.gz",
  /** Instead of the NIfTI label map, for a picture. */
  labelsPng: "labels.png",
  /** Of the network, before any step: labels along the fourth axis, in the manifest's order. */
  probabilities: "probabilities.nii.gz",
  /** Of the network, before any step: 0 to 1. */
  uncertainty: "uncertainty.nii.gz",
  disagreement: "disagreement.nii.gz",
  seg: "seg.dcm",
  rtStruct: "rtstruct.dcm",
  report: "sr.dcm",
  /** Closed surfaces, a node a structure. */
  surfaces: "surfaces.glb",
  reportHtml: "report.html",
  reportJson: "report.json",
  run: "run.json",
  result: "result.json",
} as const;
/** A file of a result: one of the fixed names, or the surface of one label. */
export type ResultFile = (typeof RESULT_FILES)[keyof typeof RESULT_FILES] | `surface-${number}.stl`;

/** The closed surface of one label. */
export function surfaceFile(label: number): ResultFile {
  return `surface-${label}.stl`;
}

/** The name of every object in the store of de-identification. */
export const deidKeys = {
  /** What pseudonyms are made with: 64 hex digits. */
  secret: "secret",
  /** The way back from the UIDs of one result (`UidMap`). */
  map: (identity: ResultId) => `maps/${identity}.json`,
  /** Which upload a scan was (`DeidentifiedScan`), by the result: with another secret a task has another one. */
  scan: (scanId: ScanId, taskId: string, identity: ResultId) => `scans/${scanId}/${taskId}-${identity}.json`,
  /** Prefix of these records of one scan. */
  scanOf: (scanId: ScanId) => `scans/${scanId}/`,
} as const;

/** The name of every object in the results store. */
export const resultKeys = {
  file: (identity: ResultId, file: ResultFile) => `${identity}/${file}`,
  /** Written last: without it nothing of the result counts. */
  result: (identity: ResultId) => `${identity}/${RESULT_FILES.result}`,
  /** Why a scan, or one task of it, was set aside (`QuarantineRecord`). */
  quarantine: (scanId: ScanId, attempt: number, subject: string) => `quarantine/${scanId}/a${attempt}-${subject}.json`,
  /** Prefix of all files of a result. */
  folder: (identity: ResultId) => `${identity}/`,
  /** Prefix of the quarantine records: of all scans, or of one. */
  quarantineOf: (scanId?: ScanId) => (scanId === undefined ? "quarantine/" : `quarantine/${scanId}/`),
  /** A scan that waits for the runs of another day (`HeldRecord`). */
  held: (scanId: ScanId) => `held/${scanId}.json`,
  /** Prefix of all scans that wait. */
  heldOf: "held/",
  /** Prefix of the lines of the table: of all scans, or of one. */
  indexOf: (scanId?: ScanId) => (scanId === undefined ? "index/" : `index/${scanId}/`),
  /** One line of the table of everything that ran (`IndexRecord`). */
  index: (scanId: ScanId, attempt: number, subject: string) => `index/${scanId}/a${attempt}-${subject}.json`,
} as const;

/** What the key of a line of the table, a quarantine record or a task tells; null for any other key. */
export function recordOfKey(
  key: string,
): { readonly scanId: ScanId; readonly attempt: number; readonly subject: string } | null {
  const [, scanId, attempt, subject] =
    /(?:^|\/)(s-[0-9a-f]{40})\/a(\d{1,3})(?:-|\/tasks\/)(scan|t\d{1,4})\.json$/.exec(key) ?? [];
  if (scanId === undefined || subject === undefined) return null;
  return { scanId, attempt: Number(attempt), subject };
}
