import { type ImageFormat, isRasterFormat } from "#src/core/image-formats.js";
import { UNCERTAINTY_MAPS } from "#src/core/uncertainty-maps.js";
import type { ScanWarning } from "#src/core/warnings.js";
import type { ExtraOutput, RunRequest } from "#src/workflow/contract.js";

const OF_DICOM: readonly ExtraOutput[] = ["rtstruct", "sr"];
/** What a picture can be answered with too. */
const OF_ANY: readonly ExtraOutput[] = UNCERTAINTY_MAPS;

/** Whether a source of this format can be answered with an output. */
function isPossible(output: ExtraOutput, format: ImageFormat): boolean {
  if (OF_ANY.includes(output)) return true;
  return OF_DICOM.includes(output) ? format === "dicom" : !isRasterFormat(format);
}

/**
 * What a source is answered with besides label map, segmentation and report, in alphabetical order: what was asked for
 * and can be made of it. Where nothing was said, a binary segmentation gets a report of its volumes.
 */
export function outputsFor(format: ImageFormat, { seg, outputs }: RunRequest): ExtraOutput[] {
  const wanted = outputs ?? (seg === "binary" ? (["sr"] as const) : []);
  return [...new Set(wanted)].filter((output) => isPossible(output, format)).sort();
}

/**
 * Whether files are made of probabilities. A fractional segmentation is one of a DICOM source: of any other nothing is
 * made of it.
 *
 * @param outputs those of the source, as `outputsFor` gives them
 */
export function makesProbabilities(
  format: ImageFormat,
  { seg, outputs }: { readonly seg: RunRequest["seg"]; readonly outputs: readonly ExtraOutput[] },
): boolean {
  return outputs.includes("probabilities") || (format === "dicom" && seg === "fractional");
}

/** What was asked for and cannot be made of a source of this format. */
export function skippedOutputs(format: ImageFormat, { outputs = [] }: RunRequest): ScanWarning[] {
  return [...new Set(outputs)]
    .filter((output) => !isPossible(output, format))
    .map((output) => ({ code: "OutputSkipped", message: `${output} cannot be made of a source in ${format}` }));
}
