import type { DataSet } from "dicom-parser";
import { PipelineError } from "#src/core/errors.js";
import { dot, norm, type Vec3 } from "#src/imaging/affine.js";
import { textOf } from "./dicom-file.js";

/** Slices of a volume tiled into one image, row by row from the top left. */
export interface Mosaic {
  /** Slices that the mosaic holds; tiles after the last are empty. */
  readonly count: number;
  readonly tilesAcross: number;
  /** Pixels of a tile: along a row, along a column. */
  readonly tile: readonly [number, number];
  /** Unit direction from each slice to the next, in LPS. */
  readonly normalLps: Vec3;
}

/** Slices that a mosaic may have: some hundreds are usual at most. */
const MAX_SLICES = 4096;

/** Whether a data set calls itself a Siemens mosaic. */
export function isMosaic(dataSet: DataSet): boolean {
  return textOf(dataSet, "x00080008")?.split("\\").includes("MOSAIC") === true;
}

/**
 * How a Siemens mosaic is laid out: the number of slices and their direction from the CSA image header (0029,xx10).
 *
 * @param size pixels of the whole image: along a row, along a column
 * @throws {PipelineError} InputUnsupported without a CSA header that says it; InputUnreadable where tiles do not fit
 */
export function readMosaic(dataSet: DataSet, size: readonly [number, number], subject: string): Mosaic {
  const csa = csaHeader(dataSet);
  const count = csa === null ? null : csaNumbers(csa, "NumberOfImagesInMosaic", 1)?.[0];
  const normal = csa === null ? null : csaNumbers(csa, "SliceNormalVector", 3);
  if (count === null || count === undefined || normal === null) {
    const message = `${subject} is a mosaic of several slices without a CSA header, expected one that gives their number and direction`;
    throw new PipelineError("InputUnsupported", message);
  }
  const tilesAcross = Math.ceil(Math.sqrt(count));
  const tile = [size[0] / tilesAcross, size[1] / tilesAcross] as const;
  if (!Number.isInteger(count) || count < 1 || count > MAX_SLICES || !tile.every(Number.isInteger)) {
    const message = `${subject} is a mosaic of ${size.join(" x ")} pixels, expected it to divide into tiles for ${count} slices`;
    throw new PipelineError("InputUnreadable", message);
  }
  const [x = 0, y = 0, z = 0] = normal;
  const length = norm([x, y, z]);
  if (Math.abs(length - 1) > 0.01) {
    throw new PipelineError("InputUnreadable", `${subject} is a mosaic whose slice direction is ${length} long`);
  }
  return { count, tilesAcross, tile, normalLps: [x / length, y / length, z / length] };
}

/**
 * Where the first pixel of each slice lies. The header's position is that of a mosaic-sized image about the same
 * centre, so it is moved by half the difference in size (nibabel, "Siemens mosaic format"; dcm2niix does the same).
 *
 * @param position Image Position Patient of the mosaic, in LPS
 * @param row direction of a row times the distance between columns
 * @param column direction of a column times the distance between rows
 * @param stepMm distance between slices
 * @throws {PipelineError} InputUnreadable when the slices' direction is not across the image
 */
export function mosaicPositions(
  mosaic: Mosaic,
  position: Vec3,
  row: Vec3,
  column: Vec3,
  stepMm: number,
  subject: string,
): Vec3[] {
  const { normalLps: n, tile, tilesAcross } = mosaic;
  if (Math.abs(dot(n, row)) > 0.01 * norm(row) || Math.abs(dot(n, column)) > 0.01 * norm(column)) {
    throw new PipelineError("InputUnreadable", `${subject} is a mosaic whose slices do not lie one above the other`);
  }
  const across = (tile[0] * (tilesAcross - 1)) / 2;
  const down = (tile[1] * (tilesAcross - 1)) / 2;
  return Array.from({ length: mosaic.count }, (_, k) => {
    const at = (axis: 0 | 1 | 2) => position[axis] + row[axis] * across + column[axis] * down + n[axis] * stepMm * k;
    return [at(0), at(1), at(2)];
  });
}

/** The CSA image header: element xx10 of the block of group 0029 that "SIEMENS CSA HEADER" reserved. */
function csaHeader(dataSet: DataSet): DataView | null {
  for (let block = 0x10; block <= 0xff; block++) {
    const digits = block.toString(16);
    if (textOf(dataSet, `x002900${digits}`) !== "SIEMENS CSA HEADER") continue;
    const element = dataSet.elements[`x0029${digits}10`];
    if (element === undefined) continue;
    const { buffer, byteOffset, byteLength } = dataSet.byteArray;
    if (element.dataOffset + element.length > byteLength) return null;
    return new DataView(buffer, byteOffset + element.dataOffset, element.length);
  }
  return null;
}

/**
 * Values of a tag of a CSA header of version 2 ("SV10"): after 16 bytes, each tag is a name of 64 bytes, 20 bytes with
 * the number of items in the last 8, and items of 16 bytes of lengths followed by text padded to 4 bytes (nibabel,
 * "Siemens format DICOM with CSA header"). Null where the header ends early or has not `count` numbers there.
 */
function csaNumbers(csa: DataView, name: string, count: number): number[] | null {
  if (csa.byteLength < 16 || asciiAt(csa, 0, 4) !== "SV10") return null;
  const tags = csa.getUint32(8, true);
  let at = 16;
  for (let tag = 0; tag < tags && at + 84 <= csa.byteLength; tag++) {
    const isWanted = asciiAt(csa, at, 64) === name;
    const items = csa.getUint32(at + 76, true);
    at += 84;
    const values: number[] = [];
    for (let item = 0; item < items && at + 16 <= csa.byteLength; item++) {
      const length = csa.getUint32(at + 4, true);
      at += 16;
      if (at + length > csa.byteLength) return null;
      const text = isWanted ? asciiAt(csa, at, length).trim() : "";
      if (text !== "") values.push(Number(text));
      at += Math.ceil(length / 4) * 4;
    }
    if (isWanted) return values.length === count && values.every(Number.isFinite) ? values : null;
  }
  return null;
}

/** Text up to the first zero byte. */
function asciiAt(view: DataView, at: number, length: number): string {
  let text = "";
  for (let i = at; i < at + length; i++) {
    const byte = view.getUint8(i);
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}
