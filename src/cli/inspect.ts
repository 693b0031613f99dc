import { resolve } from "node:path";
import { ERROR_CLASSES } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { type DescribedImage, describeUpload } from "#src/formats/describe-upload.js";
import { transferSyntaxName } from "#src/formats/transfer-syntaxes.js";
import { openPath } from "#src/local/open-path.js";
import { EXIT } from "./exit-codes.js";

/**
 * `scanlane inspect`: what a file, folder or archive holds, without running anything. Files are named by their place
 * in the upload, from 0, so that the output can be shared.
 *
 * @returns 0 when every image can be used, else the exit code of bad input
 */
export async function inspect(path: string, flags: { readonly json?: boolean }): Promise<number> {
  const images = await describeUpload(await openPath(resolve(path)));
  if (flags.json) console.log(JSON.stringify(images));
  else for (const [n, image] of images.entries()) console.log(`${n + 1}. ${described(image)}`);
  const isUsable = images.some(({ kind }) => kind === "image") && images.every(({ kind }) => kind !== "failed");
  return isUsable ? EXIT.ok : ERROR_CLASSES.input.exitCode;
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
