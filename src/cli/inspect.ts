import { resolve } from "node:path";
import { ERROR_CLASSES } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { type DescribedImage, describeUpload } from "#src/formats/describe-upload.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { transferSyntaxName } from "#src/formats/transfer-syntaxes.js";
import { openPath } from "#src/local/open-path.js";
import { entryNames } from "./entry-names.js";
import { EXIT } from "./exit-codes.js";

interface InspectFlags {
  /** Whether files are named too. */
  readonly names?: boolean;
  readonly json?: boolean;
}

/**
 * `scanlane inspect`: what a file, folder or archive holds, without running anything. Files are named by their place
 * in the upload, from 0, so that the output can be shared; `--names` adds what they are called.
 *
 * @returns 0 when every image can be used, else the exit code of bad input
 */
export async function inspect(path: string, flags: InspectFlags): Promise<number> {
  const entries = await openPath(resolve(path));
  const images = await describeUpload(entries);
  if (flags.json) console.log(JSON.stringify(flags.names ? images.map((image) => withNames(image, entries)) : images));
  else {
    for (const [n, image] of images.entries()) {
      console.log(`${n + 1}. ${described(image)}`);
      if (flags.names) for (const name of namesOf(image, entries)) console.log(`   ${name}`);
    }
  }
  const isUsable = images.some(({ kind }) => kind === "image") && images.every(({ kind }) => kind !== "failed");
  return isUsable ? EXIT.ok : ERROR_CLASSES.input.exitCode;
}

function withNames(image: DescribedImage, entries: readonly UploadEntry[]) {
  const names = image.entries.map((ordinal) => entries.find((entry) => entry.ordinal === ordinal)?.name ?? null);
  return { ...image, names };
}

/** Of an image that is refused what its message names, else its first file. */
function namesOf(image: DescribedImage, entries: readonly UploadEntry[]): string[] {
  const [first] = image.entries;
  const own = first === undefined ? "" : `entry ${first}`;
  return entryNames(image.kind === "failed" ? `${image.message} ${own}` : own, entries);
}

function described(image: DescribedImage): string {
  if (image.kind === "ignored") return `no image: ${places(image.entries)}`;
  if (image.kind === "failed") return `refused: ${image.code}: ${image.message}\n   ${places(image.entries)}`;
  if (image.kind === "upload") return ["the upload", ...image.warnings.map(warningLine)].join("\n");
  const { format, modality, bodyPart, size, spacingMm, orientation, transferSyntaxUid, irregular, warnings } = image;
  const facts = [
    [format, modality, bodyPart?.toLowerCase()].filter((fact) => fact !== null && fact !== undefined).join(" "),
    `${size.join(" x ")} voxels`,
    spacingMm === null ? "spacing unknown" : `${spacingMm.map((mm) => mm.toFixed(3)).join(" x ")} mm`,
    orientation,
    ...(transferSyntaxUid === null ? [] : [transferSyntaxName(transferSyntaxUid)]),
  ];
  return [
    facts.join(", "),
    `   ${places(image.entries)}`,
    ...(irregular === null ? [] : [`   irregular: ${irregular}`]),
    ...warnings.map(warningLine),
  ].join("\n");
}

function warningLine({ code, message }: ScanWarning): string {
  return `   warning: ${code}: ${message}`;
}

/** Entries as ranges: "entries 0-3, 7". */
function places(entries: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const entry of entries) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === entry) last[1] = entry;
    else ranges.push([entry, entry]);
  }
  const text = ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
  return `${entries.length === 1 ? "entry" : "entries"} ${text}`;
}
