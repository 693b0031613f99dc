import { z } from "zod";
import { SCHEMA_VERSION } from "#src/core/versions.js";

/** One rule: the first whose conditions all hold names the model. */
const Route = z.strictObject({
  modality: z.string().optional(),
  bodyPart: z.string().optional(),
  format: z.enum(["dicom", "nifti"]).optional(),
  dimensions: z.literal([2, 3]).optional(),
  model: z.string(),
});

/** `models/routes.json`: which model an image goes to when nobody named one. */
export const Routes = z.strictObject({ schemaVersion: z.literal(SCHEMA_VERSION), routes: z.array(Route) });
export type Routes = z.infer<typeof Routes>;

/** What a rule can ask of an image. */
export interface RouteFacts {
  readonly modality: string | null;
  readonly bodyPart: string | null;
  readonly format: "dicom" | "nifti";
  readonly dimensions: 2 | 3;
}

/** The model that the routes give an image, or null when no rule fits. */
export function routeOf(facts: RouteFacts, routes: Routes): string | null {
  const fits = routes.routes.find(
    (route) =>
      (route.modality === undefined || route.modality === facts.modality) &&
      (route.bodyPart === undefined || route.bodyPart === facts.bodyPart) &&
      (route.format === undefined || route.format === facts.format) &&
      (route.dimensions === undefined || route.dimensions === facts.dimensions),
  );
  return fits?.model ?? null;
}
