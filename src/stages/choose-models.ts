import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { definedModality } from "#src/formats/modalities.js";
import type { FoundScan } from "#src/formats/scan.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { type RouteFacts, routeOf } from "#src/model/routes.js";
import type { RunRequest } from "#src/workflow/contract.js";
import type { StageDeps } from "./stage-deps.js";

/** What becomes of an image. */
export interface Choice {
  readonly model: ModelPackage;
  readonly irregular: "reject" | "resample";
  readonly deidentify: RunRequest["deidentify"];
}

/**
 * The model of each image, and the images that no rule gives one: screenshots and localisers beside what was meant.
 *
 * @throws {PipelineError} `NoRoute` where no image has a model
 */
export async function chooseModels(
  scans: readonly FoundScan[],
  request: RunRequest,
  deps: StageDeps,
): Promise<{ readonly chosen: ReadonlyMap<FoundScan, Choice>; readonly skipped: readonly FoundScan[] }> {
  const chosen = new Map<FoundScan, Choice>();
  const skipped: FoundScan[] = [];
  for (const scan of scans) {
    const choice = await chooseModel(scan, request, deps);
    if (choice === null) skipped.push(scan);
    else chosen.set(scan, choice);
  }
  const [first] = skipped;
  if (chosen.size > 0 || first === undefined) return { chosen, skipped };
  throw new PipelineError(
    "NoRoute",
    `no rule gives this image (${shortly(first)}) a model, expected a model by name or by routes.json`,
  );
}

/**
 * The model of an image, and what becomes of an irregular series: by request, else by route, else none. What its route
 * says of de-identification holds also where the request names the model.
 */
async function chooseModel(scan: FoundScan, request: RunRequest, deps: StageDeps): Promise<Choice | null> {
  const facts: RouteFacts = {
    modality: scan.modality,
    bodyPart: scan.bodyPart,
    format: scan.format,
    dimensions: dimensionsOf(scan),
    imageType: scan.imageType ?? [],
  };
  const route = routeOf(facts, await deps.models.routes());
  const deidentify = request.deidentify ?? route?.deidentify;
  if (request.model !== undefined) {
    return { model: await deps.models.open(request.model), irregular: request.irregular ?? "reject", deidentify };
  }
  if (route === null || route.model === null) return null;
  const model = await deps.models.open(route.model);
  return { model, irregular: request.irregular ?? route.irregular, deidentify };
}

function dimensionsOf({ grid }: FoundScan): 2 | 3 {
  return grid.size[2] === 1 ? 2 : 3;
}

/** What an image is, in terms that name nobody. */
function shortly(scan: FoundScan): string {
  return `${scan.format}, modality ${definedModality(scan.modality) ?? "unknown"}, ${dimensionsOf(scan)}-D`;
}

/** Said of every image of the upload that has a model. */
export function skippedWarnings(skipped: readonly FoundScan[]): ScanWarning[] {
  if (skipped.length === 0) return [];
  const some = skipped.slice(0, 5).map((scan) => `that of entry ${Math.min(...scan.entries)} (${shortly(scan)})`);
  const more = skipped.length > some.length ? ` and ${skipped.length - some.length} more` : "";
  const message = `images were left out, since no rule gives them a model: ${some.join(", ")}${more}`;
  return [{ code: "ImageSkipped", message }];
}
