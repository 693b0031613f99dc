import { cpus } from "node:os";
import type { ResultId } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { definedModality } from "#src/formats/modalities.js";
import { type LabelMoments, labelMoments } from "#src/imaging/label-moments.js";
import type { Grid } from "#src/imaging/volume.js";
import { renderPictures } from "#src/report/pictures.js";
import { renderReport } from "#src/report/report-html.js";
import type { ReportInput } from "#src/report/report-input.js";
import { renderReportJson } from "#src/report/report-json.js";
import { RESULT_FILES, resultKeys, STAGE_FILES, workKeys } from "#src/storage/keys.js";
import { type IndexRecord, ResultDocument, SourceDocument, type TaskDocument } from "#src/workflow/contract.js";
import { LIST_PRICES } from "#src/workflow/prices.js";
import { writeDeidentifiedScan, writeUidMap } from "./deidentification.js";
import { documentBytes, readDocument, writeDocument } from "./documents.js";
import { parseGridDocument, sourceOfDocument } from "./grid-document.js";
import { labelVolumeMm3 } from "./label-volume.js";
import { imageFiles, largestLabelOf } from "./outputs/image-files.js";
import { listed, type MadeFile } from "./outputs/made-file.js";
import { uncertaintyOutputs, uncertaintyScores } from "./outputs/uncertainty-output.js";
import { receiptOf } from "./receipt.js";
import { distinctWarnings, resultWarnings } from "./result-warnings.js";
import type { RunDocument } from "./run-document.js";
import { shownImage } from "./shown-image.js";
import { sourceOrientation } from "./source-orientation.js";
import type { StageDefinition, StageReport, StageWork } from "./stage.js";
import type { StageDeps } from "./stage-deps.js";
import { readLabels } from "./volume-files.js";

const NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment.";

/**
 * Writes what is published: label map, DICOM SEG, reports. Everything is made and proven before the first file is
 * written; `result.json` comes last and nothing counts without it.
 */
export const publish: StageDefinition = { stage: "publish", run, always: writeIndexLine };

async function run(work: StageWork): Promise<StageReport> {
  const started = performance.now();
  const { task, model } = work;
  const { manifest } = model;
  const document = parseGridDocument(await work.read("preprocess", STAGE_FILES.grid));
  const grid = sourceOfDocument(document);
  const bytes = await work.read("postprocess", STAGE_FILES.labels);
  const { data: labels, ...map } = readLabels(bytes);
  const moments = labelMoments(labels, grid.size, grid.affineRas, largestLabelOf(manifest));

  const maps = await uncertaintyOutputs(work, grid);
  const scores = uncertaintyScores(maps, labels, largestLabelOf(manifest));
  const made = await imageFiles(work, {
    ...{ data: labels, moments, grid, stack: document.slices },
    map: { ...map, bytes },
  });
  const files = [...made.files, ...maps.map(({ file }) => file)];
  const warnings = distinctWarnings([
    ...task.warnings,
    ...work.earlier.flatMap((record) => record.warnings),
    ...resultWarnings(manifest.labels, moments),
  ]);
  const { image, window } =
    (await work.deps.shown?.take(task.identity)) ?? shownImage(await work.read("preprocess", STAGE_FILES.image), task);
  const format = task.channels[0]?.format ?? "nifti";
  const orientation = sourceOrientation(grid, format, warnings);
  const report: ReportInput = {
    identity: work.identity,
    notice: NOTICE,
    ...(task.deidentify && { deidentified: task.deidentify }),
    model: manifest,
    modelDigest: model.digest,
    refine: task.refine,
    source: {
      format,
      modality: modalityOf(task),
      size: grid.size,
      spacingMm: grid.spacingMm,
      orientation,
    },
    structures: structuresOf(work, moments, grid).map((one) => ({ ...one, ...scores[one.label] })),
    warnings,
    files: files.map(listed),
    pictures: renderPictures({ ...image, ...grid }, labels, manifest.labels, orientation !== null, window),
    stages: work.earlier.map(({ stage, seconds, facts: { provider } }) => ({
      ...{ stage, seconds },
      ...(typeof provider === "string" && { provider }),
    })),
  };
  const json: MadeFile = {
    name: RESULT_FILES.reportJson,
    bytes: new TextEncoder().encode(renderReportJson(report)),
    contentType: "application/json",
  };
  const html: MadeFile = {
    name: RESULT_FILES.reportHtml,
    bytes: new TextEncoder().encode(renderReport(report)),
    contentType: "text/html; charset=utf-8",
  };

  const source = await readDocument(work.deps.stores.work, workKeys.source(task.scanId), SourceDocument);
  if (work.pseudonyms !== null) {
    // First the way back: no de-identified result is without it, and none that is broken off cannot be found.
    await writeDeidentifiedScan(task, work.identity, source, work.deps);
    await writeUidMap(task, work.pseudonyms, made.uids, work.deps);
  }
  for (const file of [...files, json, html]) await work.publish(file.name, file.bytes, file);
  const sourceBytes = source.objects.reduce((sum, { size }) => sum + size, 0);
  const runDocument = runDocumentOf(work, sourceBytes, (performance.now() - started) / 1000);
  tellReceipt(work, runDocument);
  await work.publish(RESULT_FILES.run, documentBytes(runDocument), { contentType: "application/json" });
  const result: ResultDocument = {
    schemaVersion: SCHEMA_VERSION,
    identity: work.identity,
    model: { ...task.model },
    notice: NOTICE,
    ...(task.deidentify && { deidentified: task.deidentify.profile }),
    structures: report.structures,
    warnings,
    // The HTML report holds timings, so its digest would differ from run to run.
    files: [...files, json].map(listed),
  };
  await work.publish(RESULT_FILES.result, documentBytes(result), { contentType: "application/json" });
  return { facts: { warnings: warnings.length } };
}

function structuresOf(work: StageWork, moments: readonly LabelMoments[], grid: Grid): ResultDocument["structures"] {
  return work.model.manifest.labels.map(({ value, name, displayName }) => {
    const found = moments[value - 1];
    const volumeMm3 = labelVolumeMm3(value, moments, grid);
    const centroid = found?.centroidRas;
    return {
      label: value,
      name,
      displayName,
      voxels: found?.voxels ?? 0,
      volumeMl: volumeMm3 === null ? null : rounded(volumeMm3 / 1000),
      centroidRasMm:
        centroid && volumeMm3 !== null ? [rounded(centroid[0]), rounded(centroid[1]), rounded(centroid[2])] : null,
    };
  });
}

/** Whatever else may be written there instead of a modality is not repeated of a source that is de-identified. */
function modalityOf({ channels: [first], deidentify }: TaskDocument): string | null {
  const modality = first?.modality ?? null;
  return deidentify === undefined ? modality : definedModality(modality);
}

/** To a thousandth (of a millilitre, of a millimetre): finer digits mean nothing. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function runDocumentOf(work: StageWork, sourceBytes: number, seconds: number): RunDocument {
  const { scanId, attempt, taskId, deidentify } = work.task;
  const stages = [
    ...work.earlier.map(({ stage, seconds, facts, used }) => ({ stage, seconds, facts, ...(used && { used }) })),
    { stage: "publish" as const, seconds, facts: {}, used: work.used() },
  ];
  const priced = stages.map((one) => ({ stage: one.stage, seconds: one.seconds, place: one.used?.place ?? null }));
  return {
    schemaVersion: SCHEMA_VERSION,
    // Of the upload's bytes: whoever has them could find the result by it.
    ...(deidentify === undefined ? { scanId } : {}),
    attempt,
    stages,
    sourceBytes,
    receipt: receiptOf(priced, taskId === "t0", LIST_PRICES),
    host: { platform: `${process.platform}-${process.arch}`, node: process.version, cpus: cpus().length },
  };
}

/** One line a task, from which the cost of a day is summed up. */
function tellReceipt(work: StageWork, { stages, receipt }: RunDocument): void {
  const seconds = stages.reduce((sum, stage) => sum + stage.seconds, 0);
  const { low, high } = receipt?.cost ?? {};
  const cost = low === undefined || high === undefined ? { unpriced: 1 } : { costLowUsd: low, costHighUsd: high };
  work.progress("receipt", { seconds, stateTransitions: receipt?.stateTransitions ?? 0, ...cost });
  work.deps.meter?.record(
    low === undefined || high === undefined
      ? { ReceiptsUnpriced: 1 }
      : { ReceiptCostLowUsd: low, ReceiptCostHighUsd: high },
  );
}

/** The line of this scan in the table of all runs; also when the result was there already, from another upload. */
async function writeIndexLine(task: TaskDocument, identity: ResultId, deps: StageDeps): Promise<void> {
  const { stores } = deps;
  const source = await readDocument(stores.work, workKeys.source(task.scanId), SourceDocument);
  if (task.deidentify !== undefined) await writeDeidentifiedScan(task, identity, source, deps);
  const resultKey = resultKeys.result(identity);
  const result = await readDocument(stores.results, resultKey, ResultDocument);
  const line: IndexRecord = {
    schemaVersion: SCHEMA_VERSION,
    scanId: task.scanId,
    attempt: task.attempt,
    subject: task.taskId,
    source: task.deidentify === undefined ? (source.name ?? source.objects[0]?.key ?? "") : "",
    status: "published",
    code: null,
    model: task.model.id,
    ...(source.completeness === undefined ? {} : { completeness: source.completeness }),
    volumesMl: Object.fromEntries(
      result.structures.flatMap(({ name, volumeMl }) => (volumeMl === null ? [] : [[name, volumeMl]])),
    ),
    resultKey,
  };
  await writeDocument(stores.results, resultKeys.index(task.scanId, task.attempt, task.taskId), line);
}
