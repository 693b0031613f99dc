import { isRasterFormat } from "#src/core/image-formats.js";
import { type DeidentifiedSource, deidentifiedSource } from "#src/formats/confidentiality-profile.js";
import type { DicomSource } from "#src/formats/scan.js";
import type { LabelMoments } from "#src/imaging/label-moments.js";
import { labelsOfStack, type SliceStack } from "#src/imaging/slice-stack.js";
import type { Grid } from "#src/imaging/volume.js";
import { isClassical, type PackageManifest } from "#src/model/classical-manifest.js";
import { labelVolumeMm3 } from "#src/stages/label-volume.js";
import { parseDicomSource } from "#src/stages/parse-dicom-source.js";
import { proveDeidentified } from "#src/stages/proof/prove-deidentified.js";
import { proveGrid } from "#src/stages/proof/prove-nifti.js";
import { provenPngLabels } from "#src/stages/proof/proven-png-labels.js";
import { planesOfGrid, planesOfSource } from "#src/stages/proof/slice-planes.js";
import type { StageWork } from "#src/stages/stage.js";
import { RESULT_FILES, STAGE_FILES } from "#src/storage/keys.js";
import type { DicomContext } from "./dicom-context.js";
import type { MadeFile } from "./made-file.js";
import { meshOutput } from "./mesh-output.js";
import { makesProbabilities } from "./outputs-for.js";
import { probabilitiesOutput } from "./probabilities-output.js";
import { readProbabilities } from "./read-probabilities.js";
import { reportOutput } from "./report-output.js";
import { rtStructOutput } from "./rtstruct-output.js";
import { fractionalSegOutput, segOutput } from "./seg-output.js";

/** Labels on the source's grid and what is known of them. */
export interface ResultLabels {
  /** The file that they were read from, and the grid that it says they are on. */
  readonly map: Grid & { readonly bytes: Uint8Array };
  readonly data: Uint8Array | Uint16Array;
  readonly moments: readonly LabelMoments[];
  readonly grid: Grid;
  /** Where the slices of an irregular series lie in the grid; null for a regular one. */
  readonly stack: SliceStack | null;
}

/** Files made of labels, and the new UID of each original one where they are de-identified. */
export interface ImageFiles {
  readonly files: readonly MadeFile[];
  readonly uids: ReadonlyMap<string, string>;
}

/**
 * Label map (of a picture: a picture) and, for a DICOM source, SEG and what else was asked for; each read back from its
 * bytes and compared before anything is written. Of the label map that is done already: its file is the one that all
 * else is made from.
 *
 * @throws {PipelineError} `ResultInvalid` when one does not say what the label map says
 */
export async function imageFiles(work: StageWork, result: ResultLabels): Promise<ImageFiles> {
  const { data, grid } = result;
  const noUids = new Map<string, string>();
  const format = work.task.channels[0]?.format ?? "nifti";
  if (isRasterFormat(format)) {
    const png = await provenPngLabels(data, grid.size);
    return { files: [{ name: RESULT_FILES.labelsPng, bytes: png, contentType: "image/png" }], uids: noUids };
  }
  proveGrid(result.map, grid, "label map");
  const made: MadeFile[] = [{ name: RESULT_FILES.labels, bytes: result.map.bytes, contentType: "application/gzip" }];
  const { seg, outputs } = work.task;
  const needed = makesProbabilities(format, work.task);
  const probabilities = needed ? await readProbabilities(work, grid) : new Map<number, Float32Array>();
  if (outputs.includes("probabilities")) made.push(probabilitiesOutput(probabilities, grid));
  for (const surface of ["glb", "stl"] as const) {
    if (outputs.includes(surface)) made.push(...meshOutput(surface, data, grid, work.model.manifest.labels));
  }
  if (!work.has("preprocess", STAGE_FILES.dicomSource)) return { files: made, uids: noUids };

  const repeated = await dicomSource(work);
  const context = dicomContext(work, repeated.source, result);
  const objects = [
    seg === "fractional" ? fractionalSegOutput(context, onSlices(probabilities, result)) : segOutput(context, seg),
  ];
  if (outputs.includes("rtstruct")) objects.push(rtStructOutput(context));
  if (outputs.includes("sr")) objects.push(reportOutput(context));
  if (work.pseudonyms !== null) for (const { bytes } of objects) proveDeidentified(bytes, repeated);
  return { files: [...made, ...objects], uids: repeated.uids };
}

/** What derived objects repeat of their source: of a task that is de-identified, without what identifies. */
async function dicomSource({ read, pseudonyms }: StageWork): Promise<DeidentifiedSource> {
  const source = parseDicomSource(await read("preprocess", STAGE_FILES.dicomSource));
  return pseudonyms === null ? { source, uids: new Map() } : deidentifiedSource(source, pseudonyms);
}

/** Probabilities on the slices of an irregular series: those of the nearest voxels, as its labels. */
function onSlices(
  probabilities: ReadonlyMap<number, Float32Array>,
  { stack, grid }: ResultLabels,
): ReadonlyMap<number, Float32Array> {
  if (stack === null) return probabilities;
  return new Map([...probabilities].map(([label, values]) => [label, labelsOfStack(values, stack, grid.size)]));
}

function dicomContext(
  work: StageWork,
  source: DicomSource,
  { data, moments, grid, stack }: ResultLabels,
): DicomContext {
  const { manifest } = work.model;
  const own =
    stack === null ? { size: grid.size, data } : { size: stack.size, data: labelsOfStack(data, stack, grid.size) };
  return {
    labels: { ...grid, size: own.size, data: own.data },
    planes: stack === null ? planesOfGrid(grid) : planesOfSource(source, own.size),
    source,
    segments: manifest.labels,
    volumesMm3: manifest.labels.map(({ value }) => labelVolumeMm3(value, moments, grid) ?? 0),
    algorithm: { name: manifest.id, version: manifest.version, isNetwork: !isClassical(manifest) },
    identity: work.identity,
  };
}

/** Largest value that the label map can hold: a manifest describes every label that its model gives. */
export function largestLabelOf(manifest: PackageManifest): number {
  return Math.max(...manifest.labels.map(({ value }) => value));
}
