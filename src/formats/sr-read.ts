import dicomParser, { type DataSet } from "dicom-parser";
import { PipelineError } from "#src/core/errors.js";
import { textOf } from "./dicom-file.js";

const MEASUREMENT_GROUP = "125007";
const VOLUME = "118565006";
/** Deeper than any report by TID 1500. */
const MAX_DEPTH = 8;

/**
 * The volumes that a measurement report by TID 1500 gives, by the number of the segment they are of. Shares nothing
 * with the writer: it is the proof that what was written is what was measured.
 *
 * @returns segment number to mm³
 * @throws {PipelineError} ResultInvalid for no such report, or a group without a segment or a volume in mm3
 */
export function readReportVolumes(bytes: Uint8Array): ReadonlyMap<number, number> {
  try {
    const groups = groupsOf(dicomParser.parseDicom(bytes), 0);
    const volumes = new Map(groups.map((group) => [segmentOf(group), volumeOf(group)]));
    if (volumes.size !== groups.length) throw invalid("has several measurement groups of one segment");
    return volumes;
  } catch (cause) {
    if (cause instanceof PipelineError && cause.code === "ResultInvalid") throw cause;
    // dicom-parser throws bare strings and objects, while parsing and while reading values.
    throw new PipelineError("ResultInvalid", "the measurement report cannot be parsed", {
      cause: cause instanceof Error ? cause : new Error("dicom-parser gave up", { cause }),
    });
  }
}

function groupsOf(item: DataSet, depth: number): DataSet[] {
  if (conceptOf(item) === MEASUREMENT_GROUP) return [item];
  if (depth === MAX_DEPTH) return [];
  return itemsOf(item, "x0040a730").flatMap((child) => groupsOf(child, depth + 1));
}

function segmentOf(group: DataSet): number {
  const references = itemsOf(group, "x0040a730").flatMap((child) => itemsOf(child, "x00081199"));
  const numbers = references.flatMap((reference) => reference.uint16("x0062000b") ?? []);
  const [number] = numbers;
  if (number === undefined || numbers.length > 1) {
    throw invalid(`has a measurement group of ${numbers.length} segments, expected 1`);
  }
  return number;
}

function volumeOf(group: DataSet): number {
  const item = itemsOf(group, "x0040a730").find((child) => conceptOf(child) === VOLUME);
  const measured = item === undefined ? undefined : itemsOf(item, "x0040a300")[0];
  if (measured === undefined) throw invalid("has a measurement group without a volume");
  const unit = itemsOf(measured, "x004008ea")[0]?.string("x00080100");
  if (unit !== "mm3") throw invalid("has a volume in another unit than mm3");
  const text = textOf(measured, "x0040a30a");
  const value = measured.double("x0040a161") ?? (text === null ? Number.NaN : Number(text));
  if (!Number.isFinite(value)) throw invalid("has a volume that is no number");
  return value;
}

function conceptOf(item: DataSet): string | undefined {
  return itemsOf(item, "x0040a043")[0]?.string("x00080100");
}

function itemsOf(dataSet: DataSet, tag: string): DataSet[] {
  return (dataSet.elements[tag]?.items ?? []).flatMap((item) => (item.dataSet === undefined ? [] : [item.dataSet]));
}

function invalid(what: string): PipelineError {
  return new PipelineError("ResultInvalid", `the measurement report ${what}`);
}
