import { SCHEMA_VERSION } from "#src/core/versions.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import type { ReportInput } from "./report-input.js";

/** What a report states, in one order and in the same words in HTML and JSON. Nothing in it depends on the clock. */
export interface ReportFacts {
  readonly schemaVersion: number;
  readonly identity: string;
  readonly notice: string;
  /** Of a de-identified result. */
  readonly deidentification?: string;
  readonly structures: ReportInput["structures"];
  readonly warnings: ReportInput["warnings"];
  readonly model: {
    readonly id: string;
    readonly version: string;
    readonly digest: string;
    readonly title: string;
    readonly description: string;
    readonly licence: string;
    readonly trainingData: ReportInput["model"]["trainingData"];
    readonly scores: ReportInput["model"]["scores"];
    readonly notFor: readonly string[];
  };
  readonly settings: readonly string[];
  readonly source: ReportInput["source"];
  readonly pictures: readonly string[];
  readonly files: ReportInput["files"];
}

export function reportFacts(input: ReportInput): ReportFacts {
  const { model } = input;
  return {
    schemaVersion: SCHEMA_VERSION,
    identity: input.identity,
    notice: input.notice,
    ...(input.deidentified && { deidentification: deidentificationText(input.deidentified) }),
    structures: input.structures,
    warnings: input.warnings,
    model: {
      id: model.id,
      version: model.version,
      digest: input.modelDigest,
      title: model.title,
      description: model.description,
      licence: model.licence.weights,
      trainingData: model.trainingData,
      scores: model.scores,
      notFor: notFor(input),
    },
    settings: settings(input),
    source: input.source,
    pictures: input.pictures.map((picture) => picture.caption),
    files: input.files,
  };
}

/** What the model must not be used for, as far as its manifest tells. Its card says more. */
function notFor({ model }: ReportInput): string[] {
  const inputs = model.channels.map(({ name, modalities }) =>
    modalities.includes(name) ? modalities.join(", ") : `${name} (${modalities.join(", ")})`,
  );
  return [
    "diagnosis, treatment or any other decision about a patient",
    `images other than ${inputs.join(" and ")}`,
    "bodies, devices and diseases that its training data do not show",
  ];
}

function deidentificationText({ pictures }: NonNullable<ReportInput["deidentified"]>): string {
  const done = "De-identified by the Basic Application Level Confidentiality Profile of DICOM PS3.15.";
  if (pictures === "image") return `${done} Faces are not removed from the pictures.`;
  return `${done} The pictures show the structures alone, since names may be burned into the image.`;
}

function settings({ model, refine }: ReportInput): string[] {
  if (refine === "off") return ["the model's steps after the network were left out on request"];
  if (model.postprocess.length === 0) return ["no steps after the network"];
  return model.postprocess.map(stepText);
}

/** A step as one line: its kind, then its parameters in the order of their names. */
function stepText({ kind, ...parameters }: RefineStep): string {
  const texts = Object.entries(parameters)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name} ${valueText(value)}`);
  return `${kind}: ${texts.join("; ")}`;
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => `${name} ${item}`)
    .join(", ");
}
