import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { type DicomFile, textOf } from "./dicom-file.js";

/** Who a file says it is of. Compared, never shown. */
export interface NamedPatient {
  readonly id: string;
  readonly issuer: string;
  readonly name: string;
  readonly birthDate: string;
}

export function namedPatient({ dataSet }: DicomFile): NamedPatient {
  const text = (tag: string) => textOf(dataSet, tag) ?? "";
  return {
    id: text("x00100020"),
    issuer: text("x00100021"),
    // Case, and carets and spaces at the ends of components, are matters of spelling.
    name: text("x00100010")
      .toUpperCase()
      .replace(/\s*\^[\s^]*/g, "^")
      .replace(/\^$/, ""),
    birthDate: text("x00100030").replace(/\D/g, ""),
  };
}

/**
 * What is said of a series whose files name their patient differently. Where one says nothing there is nothing to
 * compare.
 *
 * @throws {PipelineError} SeriesInconsistent where Patient ID or its issuer differ: slices of several patients
 */
export function patientWarnings(
  files: readonly { readonly ordinal: number; readonly patient: NamedPatient }[],
  subject: string,
): ScanWarning[] {
  for (const field of ["id", "issuer"] as const) {
    const apart = firstApart(files, field);
    if (apart === null) continue;
    const what = field === "id" ? "patient IDs" : "issuers of the patient ID";
    const message = `${subject} has slices of different ${what}: ${apart.map((ordinal) => `entry ${ordinal}`).join(" and ")}, expected one patient`;
    throw new PipelineError("SeriesInconsistent", message);
  }
  const differing = [
    ...(firstApart(files, "name") === null ? [] : ["name"]),
    ...(firstApart(files, "birthDate") === null ? [] : ["date of birth"]),
  ];
  if (differing.length === 0) return [];
  const message = `the files of the series differ in the ${differing.join(" and ")} of the patient; those of the first slice are repeated`;
  return [{ code: "PatientMixed", message }];
}

/** Entries of two files that say different things; null where all that say something say the same. */
function firstApart(
  files: readonly { readonly ordinal: number; readonly patient: NamedPatient }[],
  field: keyof NamedPatient,
): readonly [number, number] | null {
  const saying = files.filter(({ patient }) => patient[field] !== "");
  const [first] = saying;
  const other = saying.find(({ patient }) => patient[field] !== first?.patient[field]);
  return first === undefined || other === undefined ? null : [first.ordinal, other.ordinal];
}
