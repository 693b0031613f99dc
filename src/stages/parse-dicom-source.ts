import { z } from "zod";
import type { DicomSource } from "#src/formats/scan.js";

const element = z.strictObject({ vr: z.string(), Value: z.array(z.unknown()).optional() });
const position = z.tuple([z.number(), z.number(), z.number()]);

const Schema = z.strictObject({
  attributes: z.record(z.string(), element),
  studyInstanceUid: z.string(),
  seriesInstanceUid: z.string(),
  frameOfReferenceUid: z.string(),
  slices: z.array(
    z.strictObject({
      sopClassUid: z.string(),
      sopInstanceUid: z.string(),
      frame: z.int().min(1).nullable(),
      positionLps: position,
    }),
  ),
  orientationLps: z.array(z.number()).length(6),
  pixelSpacingMm: z.tuple([z.number(), z.number()]),
  sliceThicknessMm: z.number().nullable(),
});

/** `dicom-source.json` as Preprocess wrote it. */
export function parseDicomSource(bytes: Uint8Array): DicomSource {
  const { attributes, ...rest } = Schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  const present = Object.entries(attributes).map(([tag, { vr, Value }]) => [tag, Value ? { vr, Value } : { vr }]);
  return { ...rest, attributes: Object.fromEntries(present) };
}
