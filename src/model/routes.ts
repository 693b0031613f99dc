import { z } from "zod";
import { IMAGE_FORMAT_NAMES, type ImageFormat } from "#src/core/image-formats.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";

/** One rule: the first whose conditions all hold names the model. */
export const RouteRule = z.strictObject({
  modality: z.string().optional().describe("DICOM modality, as MR"),
  bodyPart: z.string().optional().describe("DICOM body part examined, in capitals"),
  format: z.enum(IMAGE_FORMAT_NAMES).optional().describe("format of the image"),
  dimensions: z.literal([2, 3]).optional().describe("2 for one slice, 3 for a volume"),
  imageType: z.string().optional().describe("one of the values of DICOM Image Type, in capitals, as LOCALIZER"),
  model: z.string().nullable().describe("model of images that fit; null: they are left out"),
  /**
   * What becomes of a series with variable slice spacing or tilt: "resample" brings it to a regular grid for the
   * network and the result back to the series' own slices. A gap is refused in any case.
   */
  irregular: z
    .enum(["reject", "resample"])
    .default("reject")
    .describe("what becomes of a series with variable slice spacing or tilt"),
  /**
   * Outputs of images that this rule fits are de-identified, whatever was asked for and also where the model was named:
   * "basic" by the basic profile of DICOM PS3.15 Annex E.
   */
  deidentify: z
    .enum(["basic"])
    .optional()
    .describe("`basic`: outputs are de-identified by the basic profile of DICOM PS3.15, whatever was asked for"),
});

/** `models/routes.json`: which model an image goes to when nobody named one. */
export const Routes = z.strictObject({ schemaVersion: z.literal(SCHEMA_VERSION), routes: z.array(RouteRule) });
export type Routes = z.infer<typeof Routes>;

/** What a rule can ask of an image. */
export interface RouteFacts {
  readonly modality: string | null;
  readonly bodyPart: string | null;
  readonly format: ImageFormat;
  readonly dimensions: 2 | 3;
  /** Values of DICOM Image Type, in capitals. */
  readonly imageType: readonly string[];
}

/** What a rule says about an image. */
export type Route = Pick<z.infer<typeof RouteRule>, "model" | "irregular" | "deidentify">;

/** The first rule that fits an image, or null when none does. */
export function routeOf(facts: RouteFacts, routes: Routes): Route | null {
  const fits = routes.routes.find(
    (route) =>
      (route.modality === undefined || route.modality === facts.modality) &&
      (route.bodyPart === undefined || route.bodyPart === facts.bodyPart) &&
      (route.format === undefined || route.format === facts.format) &&
      (route.dimensions === undefined || route.dimensions === facts.dimensions) &&
      (route.imageType === undefined || facts.imageType.includes(route.imageType)),
  );
  if (fits === undefined) return null;
  const { model, irregular, deidentify } = fits;
  return { model, irregular, ...(deidentify && { deidentify }) };
}
