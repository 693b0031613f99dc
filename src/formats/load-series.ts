import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { stackToGrid } from "#src/imaging/slice-stack.js";
import { DecoderPool } from "./codecs/decoder-pool.js";
import { COMPRESSED_SYNTAXES } from "./codecs/frame-decoder.js";
import { parseDicomFile } from "./dicom-file.js";
import { type DicomInstance, haveOwnUids, isIdentified, readInstances } from "./dicom-instance.js";
import { type StoredPixels, storedPixels } from "./dicom-pixels.js";
import { copiedAttributes, dicomSourceOf } from "./dicom-source.js";
import { readAhead } from "./read-ahead.js";
import type { ColourChoice, DicomSource, FoundScan, LoadedScan, ReadLoan, UploadEntry } from "./scan.js";
import { seriesGeometry } from "./series-geometry.js";
import { settleValues } from "./series-values.js";
import { SeriesVoxels } from "./series-voxels.js";

/**
 * Reads an image of a series: each file once, its slices straight into the volume, so that one file (of remote ones those that
 * `readAhead` holds) and one frame are held beside it. An irregular series is then brought to its regular grid (and the slices as they were are let go).
 *
 * @param files the entries that the image names, each once
 * @param integers whether voxels may come as 16-bit integers where every value is one; else they are float32
 * @throws {PipelineError} any input code of the readers
 * @throws {RangeError} when entries are not in slice order
 */
export async function loadSeries(
  found: SeriesChoice,
  files: readonly UploadEntry[],
  integers: boolean,
): Promise<LoadedScan<Float32Array | Int16Array>> {
  const { slices, data, attributes, warnings } = await readSlices(found, files, integers && found.irregular === null);
  const subject = `the series of entry ${Math.min(...found.entries)}`;
  const geometry = seriesGeometry(slices, subject, found.irregular === null ? "reject" : "resample");
  if (geometry.slices.some((slice, i) => slice !== slices[i])) {
    throw new RangeError("entries of a series must ascend along its slice normal");
  }
  const stack = geometry.irregular?.stack ?? null;
  return {
    volume: { ...geometry.grid, data: stack === null ? data : stackToGrid(float32(data), stack, geometry.grid.size) },
    warnings: [...warnings, ...geometry.warnings],
    dicom: slices.every(isReferable) && haveOwnUids(slices) ? dicomSourceOf(attributes, geometry.slices) : null,
    stack,
  };
}

type SeriesChoice = Pick<FoundScan, "entries" | "parts" | "irregular"> & ColourChoice;

/** What the files of a series hold. */
interface SeriesContents {
  readonly slices: DicomInstance[];
  readonly data: Float32Array | Int16Array;
  readonly attributes: DicomSource["attributes"];
  readonly warnings: ScanWarning[];
}

async function readSlices(
  found: SeriesChoice,
  files: readonly UploadEntry[],
  integers: boolean,
): Promise<SeriesContents> {
  const slices: DicomInstance[] = new Array(found.entries.length);
  const warnings: ScanWarning[] = [];
  const wanted = placesByEntry(found.entries);
  const loan: ReadLoan = { room: new Uint8Array(0) };
  let attributes: DicomSource["attributes"] = {};
  let voxels: SeriesVoxels | null = null;
  let first: DicomInstance | null = null;
  let pool: DecoderPool | null = null;
  const underWay: (() => Promise<void>)[] = [];
  const finish = async (count: number) => {
    try {
      for (const place of underWay.splice(0, count)) await place();
    } catch (error) {
      underWay.length = 0;
      throw error;
    }
  };
  try {
    const read = (entry: UploadEntry) => entry.read(entry.isRemote ? undefined : loan);
    for await (const [entry, readWhole] of readAhead(files, { read })) {
      const subject = `entry ${entry.ordinal}`;
      const file = parseDicomFile(await readWhole(), subject);
      const held = file === null ? null : readInstances(file, entry.ordinal, found.colour);
      if (file === null || held === null) {
        throw new PipelineError("InputUnreadable", `${subject} is no DICOM image, expected a slice of a series`);
      }
      if (entry.ordinal === found.entries[0]) attributes = copiedAttributes(file);
      const isCompressed = COMPRESSED_SYNTAXES.has(file.transferSyntaxUid);
      let trailingBytes = 0;
      for (const z of wanted.get(entry.ordinal) ?? []) {
        const part = found.parts?.[z] ?? 1;
        const slice = held[part - 1];
        if (slice === undefined) throw new PipelineError("InputUnreadable", `${subject} has no frame ${part}`);
        if (first === null && isCompressed) pool = DecoderPool.for(slice.size[0] * slice.size[1] * slices.length);
        first ??= slice;
        const { size } = first;
        const place = (pixels: StoredPixels) => {
          // The whole volume is allocated only once a slice was really there; the others must be of its size.
          voxels ??= new SeriesVoxels(size[0] * size[1] * slices.length, integers);
          if (size[0] === slice.size[0] && size[1] === slice.size[1]) voxels.place(z, pixels, slice);
        };
        slices[z] = slice;
        const frames = { index: slice.frameIndex, of: slice.frames };
        if (pool !== null && isCompressed) {
          const decoded = storedPixels(file, slice.pixels, subject, frames, pool.decode);
          // A failure is heard when its turn comes: the first in the order of the files is thrown.
          decoded.catch(() => {});
          underWay.push(async () => place(await decoded));
          if (underWay.length >= pool.window) await finish(1);
        } else {
          const pixels = await storedPixels(file, slice.pixels, subject, frames);
          trailingBytes = pixels.trailingBytes;
          place(pixels);
        }
      }
      if (trailingBytes > 0) {
        const message = `${subject} carries ${trailingBytes} bytes after its pixels; they were not used`;
        warnings.push({ code: "TrailingBytes", message });
      }
    }
    await finish(underWay.length);
  } catch (error) {
    await finish(underWay.length);
    throw error;
  } finally {
    await pool?.close();
  }
  const data = dataOf(voxels);
  warnings.push(...settleValues(data, slices));
  return { slices, data, attributes, warnings };
}

function dataOf(voxels: SeriesVoxels | null): Float32Array | Int16Array {
  return voxels?.data ?? new Float32Array(0);
}

/** The same values; the array itself where it is float32. */
export function float32(data: Float32Array | Int16Array): Float32Array {
  return data instanceof Float32Array ? data : new Float32Array(data);
}

/** Which slices of the volume each entry holds. */
function placesByEntry(entries: readonly number[]): ReadonlyMap<number, readonly number[]> {
  const places = new Map<number, number[]>();
  for (const [z, ordinal] of entries.entries()) {
    const own = places.get(ordinal);
    if (own === undefined) places.set(ordinal, [z]);
    else own.push(z);
  }
  return places;
}

/** Whether a DICOM result can lie on a slice. */
function isReferable(slice: DicomInstance): boolean {
  return slice.placement === "patient" && isIdentified(slice);
}
