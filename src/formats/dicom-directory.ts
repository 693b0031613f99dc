import type { ScanWarning } from "#src/core/warnings.js";
import { parseDicomFile, textOf } from "./dicom-file.js";

/** An instance that a DICOMDIR names. */
interface DirectoryRecord {
  readonly sopInstanceUid: string;
  /** Last part of its file's path, upper case. Compared with the names of the upload, never opened. */
  readonly name: string;
}

/** A DICOMDIR of an upload (PS3.3 F.3: a file of directory records, and no image). */
export interface DicomDirectory {
  readonly ordinal: number;
  readonly records: readonly DirectoryRecord[];
}

/** A file of an upload that may be one of those that a directory names. */
export interface NamedFile {
  readonly name: string;
  /** Null where the file is no DICOM image. */
  readonly sopInstanceUid: string | null;
}

/** Media Storage Directory Storage */
const DIRECTORY_CLASS = "1.2.840.10008.1.3.10";

/**
 * The instances that a DICOMDIR names; null when the file is none. Records are read as the sequence that they are in:
 * the offsets that chain them, which a damaged file may close to a ring, are not followed.
 *
 * @throws {PipelineError} InputUnreadable for a damaged DICOM file
 */
export function readDirectory(bytes: Uint8Array, ordinal: number): DicomDirectory | null {
  const dataSet = parseDicomFile(bytes, `entry ${ordinal}`)?.dataSet;
  if (dataSet === undefined || textOf(dataSet, "x00020002") !== DIRECTORY_CLASS) return null;
  const records: DirectoryRecord[] = [];
  for (const { dataSet: record } of dataSet.elements.x00041220?.items ?? []) {
    if (record === undefined) continue;
    const [path, sopInstanceUid] = [textOf(record, "x00041500"), textOf(record, "x00041511")];
    if (path !== null && sopInstanceUid !== null) records.push({ sopInstanceUid, name: nameOf(path) });
  }
  return { ordinal, records };
}

/**
 * What directories name and the upload does not hold: no file has its instance UID, and none that the directory does
 * not know by UID (one that is no image, or whose UIDs were replaced) has its name.
 */
export function missingWarnings(directories: readonly DicomDirectory[], files: readonly NamedFile[]): ScanWarning[] {
  return directories.flatMap(({ ordinal, records }): ScanWarning[] => {
    const known = new Set(records.map((record) => record.sopInstanceUid));
    const found = new Set(files.map((file) => file.sopInstanceUid));
    const others = new Map<string, number>();
    for (const { name, sopInstanceUid } of files) {
      if (sopInstanceUid !== null && known.has(sopInstanceUid)) continue;
      others.set(nameOf(name), (others.get(nameOf(name)) ?? 0) + 1);
    }
    let missing = 0;
    for (const { sopInstanceUid, name } of records) {
      if (found.has(sopInstanceUid)) continue;
      const left = others.get(name) ?? 0;
      if (left > 0) others.set(name, left - 1);
      else missing++;
    }
    if (missing === 0) return [];
    const message = `entry ${ordinal} is a DICOMDIR that names ${records.length} files, and ${missing} of them are not in the upload`;
    return [{ code: "FileMissing", message }];
  });
}

/** The last part of a path, without the version that ISO 9660 puts behind it. */
function nameOf(path: string): string {
  const last = path.split(/[\\/]/).at(-1) ?? "";
  return last.trim().replace(/;\d+$/, "").toUpperCase();
}
