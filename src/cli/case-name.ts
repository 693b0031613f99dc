import { printable } from "#src/core/printable.js";

/** What a case's name is without. Names may hold dots, as those of UIDs do. */
const ENDING = /(\.seg)?(\.(nii|tar))?\.(nii|gz|nrrd|nhdr|mha|mhd|png|jpe?g|tiff?|dcm|ima|npz|zip|tar|tgz)$/i;

/** The case that a file or upload belongs to: its name without ending. */
export function caseNameOf(file: string): string {
  return file.replace(ENDING, "");
}

/** How messages of commands that score name a case; they are printed here, and stand in no record. */
export function caseSubject(ordinal: number, name: string): string {
  return `case ${ordinal} (${printable(name)})`;
}

/** The first few of many names. */
export function someNames(names: readonly string[]): string {
  const shown = names.slice(0, 3).map(printable).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
