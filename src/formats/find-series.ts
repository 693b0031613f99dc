import { PipelineError } from "#src/core/errors.js";
import { sha256 } from "#src/core/ids.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { COLOUR_REDUCED } from "./colour-planes.js";
import { parseDicomFile, TRANSFER_SYNTAX } from "./dicom-file.js";
import { type DicomInstance, haveOwnUids, isIdentified, readInstances, seriesKey } from "./dicom-instance.js";
import { storedPixels } from "./dicom-pixels.js";
import { textFaults } from "./dicom-source.js";
import { type TextFault, textWarning } from "./repeated-text.js";
import type { FindOptions, FoundScan, UploadEntry } from "./scan.js";
import { places, seriesGeometry } from "./series-geometry.js";
import { type NamedPatient, namedPatient, patientWarnings } from "./series-patient.js";
import { mixedContrasts } from "./split-contrasts.js";
import { splitByNumber, splitByShape, splitByTraits, type VolumePart } from "./split-volumes.js";
import { volumeFormatOf } from "./volume-formats.js";

/** A DICOM image file of a series, without its pixels. */
export interface SeriesFile {
  readonly ordinal: number;
  /** `seriesKey` */
  readonly series: string;
  readonly transferSyntaxUid: string;
  /** One a frame or tile. */
  readonly slices: readonly DicomInstance[];
  /** SHA-256 of the file; null where only its head was read. */
  readonly fileDigest: string | null;
  readonly trailingBytes: number;
  /** Text of the header that DICOM results cannot repeat as it is. */
  readonly textFaults: readonly TextFault[];
  readonly patient: NamedPatient;
}

/** Syntaxes whose pixels can be measured without decoding them. */
const NATIVE: ReadonlySet<string> = new Set([
  TRANSFER_SYNTAX.implicitLittle,
  TRANSFER_SYNTAX.explicitLittle,
  TRANSFER_SYNTAX.explicitBig,
  TRANSFER_SYNTAX.deflated,
]);

/**
 * A file as one of a DICOM series; null where it is no DICOM image. Pixels are not decoded, only checked to be there
 * where they are not compressed.
 *
 * @throws {PipelineError} InputUnreadable, InputUnsupported
 */
export async function readSeriesFile(bytes: Uint8Array, ordinal: number, subject: string): Promise<SeriesFile | null> {
  const file = parseDicomFile(bytes, subject);
  const slices = file === null ? null : readInstances(file, ordinal);
  const last = slices?.at(-1);
  if (file === null || slices === null || last === undefined) return null;
  const isNative = NATIVE.has(file.transferSyntaxUid);
  const pixels = isNative
    ? await storedPixels(file, last.pixels, subject, { index: last.frameIndex, of: last.frames })
    : null;
  return {
    ordinal,
    series: seriesKey(file),
    transferSyntaxUid: file.transferSyntaxUid,
    slices,
    fileDigest: sha256(bytes),
    trailingBytes: pixels?.trailingBytes ?? 0,
    textFaults: textFaults(file),
    patient: namedPatient(file),
  };
}

/** Longer than the header of nearly any file of one slice. */
const HEAD_BYTES = 32 * 1024;

/**
 * A file as one of a DICOM series by its first bytes: without its digest, and whether all pixels are there is not seen.
 * Null where the first bytes do not tell: the whole file must be looked at.
 */
export async function readSeriesHead(entry: UploadEntry, subject: string): Promise<SeriesFile | null> {
  if (entry.readHead === undefined || entry.size <= HEAD_BYTES) return null;
  const head = await entry.readHead(HEAD_BYTES);
  if (volumeFormatOf(head) !== null) return null;
  try {
    const file = parseDicomFile(head, subject);
    // The header is whole where pixels follow it. A deflated one is not: its pixels are somewhere else.
    if (file?.dataSet.elements.x7fe00010 === undefined || file.transferSyntaxUid === TRANSFER_SYNTAX.deflated)
      return null;
    const slices = readInstances(file, entry.ordinal);
    if (slices === null || slices.length === 0) return null;
    const { transferSyntaxUid } = file;
    const { ordinal } = entry;
    const facts = { fileDigest: null, trailingBytes: 0, textFaults: textFaults(file), patient: namedPatient(file) };
    return { ordinal, series: seriesKey(file), transferSyntaxUid, slices, ...facts };
  } catch (error) {
    if (error instanceof PipelineError) return null;
    throw error;
  }
}

/**
 * The images of a series. Slices of another size, orientation or pixel spacing make an image of their own (a localiser
 * of three planes: three images), and so does each volume of a time series, an echo or a b-value, told apart by what
 * `splitByTraits` finds. A slice that came twice with the same pixels is dropped. Images without a place in the
 * patient are one image each. Each image must be one volume (`seriesGeometry`).
 *
 * @param files of one series, in any order
 * @param entries the upload they are of: files are read again where slices may be copies of each other
 * @returns the largest shape first, its volumes in the order of what told them apart
 * @throws {PipelineError} SeriesInconsistent, SeriesIrregular, SeriesGap
 */
export async function seriesScans(
  files: readonly SeriesFile[],
  entries: readonly UploadEntry[],
  options: FindOptions,
): Promise<FoundScan[]> {
  const first = Math.min(...files.map((file) => file.ordinal));
  const subject = `the series of entry ${first}`;
  const digests = pixelDigests(entries);
  const scans: FoundScan[] = [];
  const unique = dropSameFiles(await withNeededDigests(files, entries));
  const patient = patientWarnings(unique.kept, subject);
  const byOrdinal = new Map(unique.kept.map((file) => [file.ordinal, file]));
  const shapes = splitByShape(
    unique.kept.flatMap((file) => file.slices),
    subject,
  );
  for (const shape of shapes) {
    const volumes: { readonly part: VolumePart; readonly warnings: readonly ScanWarning[] }[] = [];
    for (const part of splitByTraits(shape)) {
      const { kept, dropped } = await dropCopies(part.slices, byOrdinal, digests);
      const rest = { ...part, slices: kept };
      const warnings = dropped.map(copyWarning);
      if (places(kept).length === kept.length) {
        volumes.push({ part: rest, warnings });
        continue;
      }
      const numbered = splitByNumber(rest);
      // Volumes may have the same picture in one place, as beyond the patient, and are whole with it.
      const whole = numbered === null && dropped.length > 0 ? splitByNumber(part) : null;
      for (const volume of whole ?? numbered ?? [rest]) volumes.push({ part: volume, warnings: whole ? [] : warnings });
    }
    for (const [n, { part, warnings }] of volumes.entries()) {
      const geometry = seriesGeometry(part.slices, subject, options.irregular);
      const [slice] = geometry.slices;
      const used = [...new Set(geometry.slices.map((one) => one.ordinal))];
      const sources = used.flatMap((ordinal) => byOrdinal.get(ordinal) ?? []);
      scans.push({
        format: "dicom",
        entries: geometry.slices.map((one) => one.ordinal),
        parts: geometry.slices.some((one) => one.part !== null) ? geometry.slices.map((one) => one.part ?? 1) : null,
        instances: geometry.slices.map((one) => instanceName(one, byOrdinal)),
        modality: slice?.modality ?? null,
        bodyPart: slice?.bodyPart ?? null,
        imageType: imageTypeOf(slice),
        mayShowText: geometry.slices.some((one) => one.mayShowText),
        transferSyntaxUid: sources[0]?.transferSyntaxUid ?? null,
        irregular: geometry.irregular?.reason ?? null,
        grid: geometry.grid,
        heldBytes: geometry.irregular === null && geometry.slices.every(({ pixels }) => staysWhole(pixels)) ? 2 : 4,
        warnings: [
          ...unique.dropped.map(copyWarning),
          ...patient,
          ...warnings,
          ...trailingWarnings(sources),
          ...(sources[0]?.textFaults ?? []).map((fault) => textWarning(fault, sources[0]?.ordinal ?? 0)),
          ...shapeWarnings(shapes, shape),
          ...volumeWarnings(volumes, n),
          ...contrastWarnings(geometry.slices),
          ...geometry.warnings,
          ...(geometry.slices.every((one) => one.pixels.colour === "grey") ? [] : [COLOUR_REDUCED]),
          ...(geometry.slices.some((one) => one.pixels.isInverted) ? [INVERTED] : []),
          ...unreferableWarnings(geometry.slices),
        ],
      });
    }
  }
  return scans;
}

/** Whether real values of a slice are most likely whole numbers of 16 bits, as `loadScanCompact` then leaves them. */
function staysWhole({ colour, table, bitsAllocated, slope, intercept }: DicomInstance["pixels"]): boolean {
  const isPlain = colour === "grey" && table === null && bitsAllocated === 16;
  return isPlain && Number.isInteger(slope) && Number.isInteger(intercept);
}

function imageTypeOf(slice: DicomInstance | undefined): string[] {
  const values = slice?.traits["image type"]?.split("\\") ?? [];
  return values.map((value) => value.trim().toUpperCase());
}

/** SOP instance, frame where it is one of several, and digest of the file where it is known. */
function instanceName(slice: DicomInstance, files: ReadonlyMap<number, SeriesFile>): string {
  const digest = files.get(slice.ordinal)?.fileDigest ?? null;
  return [
    slice.sopInstanceUid,
    ...(slice.part === null ? [] : [slice.part]),
    ...(digest === null ? [] : [digest]),
  ].join(" ");
}

/** Files without a digest get one where they could be the same as others: of one instance. */
async function withNeededDigests(
  files: readonly SeriesFile[],
  entries: readonly UploadEntry[],
): Promise<readonly SeriesFile[]> {
  const instanceOf = (file: SeriesFile) => file.slices[0]?.sopInstanceUid ?? "";
  const counts = new Map<string, number>();
  for (const file of files) counts.set(instanceOf(file), (counts.get(instanceOf(file)) ?? 0) + 1);
  const completed: SeriesFile[] = [];
  for (const file of files) {
    const isAlone = counts.get(instanceOf(file)) === 1;
    const entry = isAlone || file.fileDigest !== null ? undefined : entries.find((one) => one.ordinal === file.ordinal);
    completed.push(entry === undefined ? file : { ...file, fileDigest: sha256(await entry.read()) });
  }
  return completed;
}

/** Files that are there twice, byte for byte. */
function dropSameFiles(files: readonly SeriesFile[]): { kept: SeriesFile[]; dropped: number[] } {
  const kept: SeriesFile[] = [];
  const dropped: number[] = [];
  const digests = new Set<string>();
  for (const file of files) {
    if (file.fileDigest !== null && digests.has(file.fileDigest)) dropped.push(file.ordinal);
    else kept.push(file);
    if (file.fileDigest !== null) digests.add(file.fileDigest);
  }
  return { kept, dropped };
}

/** One slice for each place and picture, the same one whatever the order in which the files came. */
async function dropCopies(
  slices: readonly DicomInstance[],
  files: ReadonlyMap<number, SeriesFile>,
  digestOf: (slice: DicomInstance) => Promise<string>,
): Promise<{ kept: DicomInstance[]; dropped: number[] }> {
  const kept: DicomInstance[] = [];
  const dropped: number[] = [];
  for (const place of places(slices)) {
    const [only] = place;
    if (place.length === 1 && only !== undefined) {
      kept.push(only);
      continue;
    }
    const pictures = new Set<string>();
    const ranked = place.toSorted((a, b) => (instanceName(a, files) < instanceName(b, files) ? -1 : 1));
    for (const slice of ranked) {
      // Slices shifted sideways lie at one depth and in different places.
      const picture = `${slice.positionLps.map((mm) => Math.round(mm * 100)).join(" ")} ${await digestOf(slice)}`;
      if (pictures.has(picture)) dropped.push(slice.ordinal);
      else kept.push(slice);
      pictures.add(picture);
    }
  }
  return { kept, dropped };
}

/** Digest of a slice's stored pixels and how they are rescaled: what makes two slices the same. Files are read once. */
function pixelDigests(entries: readonly UploadEntry[]): (slice: DicomInstance) => Promise<string> {
  const known = new Map<number, Promise<readonly string[]>>();
  async function digestsOf(ordinal: number): Promise<readonly string[]> {
    const entry = entries.find((candidate) => candidate.ordinal === ordinal);
    const subject = `entry ${ordinal}`;
    const file = entry === undefined ? null : parseDicomFile(await entry.read(), subject);
    const slices = file === null ? null : readInstances(file, ordinal);
    if (file === null || slices === null)
      throw new PipelineError("InputUnreadable", `${subject} changed while it was read`);
    const digests: string[] = [];
    for (const slice of slices) {
      const pixels = await storedPixels(file, slice.pixels, subject, { index: slice.frameIndex, of: slice.frames });
      const format = `${JSON.stringify(slice.pixels)} ${slice.tileStart.join()} ${pixels.isLittleEndian}`;
      digests.push(sha256(`${sha256(pixels.bytes)} ${format}`));
    }
    return digests;
  }
  return async (slice) => {
    const digests = known.get(slice.ordinal) ?? digestsOf(slice.ordinal);
    known.set(slice.ordinal, digests);
    return (await digests)[(slice.part ?? 1) - 1] ?? "";
  };
}

const INVERTED: ScanWarning = {
  code: "GreyInverted",
  message: "small values are bright in this image (MONOCHROME1); they were kept as they are",
};

/** Why no DICOM result can refer to slices. */
function unreferableWarnings(slices: readonly DicomInstance[]): ScanWarning[] {
  if (!slices.every(isIdentified)) {
    const message = "files have lost the UIDs of their study, series or instance; no DICOM result can refer to them";
    return [{ code: "SourceUnidentified", message }];
  }
  if (haveOwnUids(slices)) return [];
  const message = "several files have the UID of one instance; no DICOM result can refer to one of them";
  return [{ code: "SourceUnidentified", message }];
}

function copyWarning(ordinal: number): ScanWarning {
  return { code: "DuplicateDropped", message: `entry ${ordinal} is a copy of another slice and was left out` };
}

function trailingWarnings(files: readonly SeriesFile[]): ScanWarning[] {
  return files
    .filter((file) => file.trailingBytes > 0)
    .map(({ ordinal, trailingBytes }) => ({
      code: "TrailingBytes",
      message: `entry ${ordinal} carries ${trailingBytes} bytes after its pixels; they were not used`,
    }));
}

function shapeWarnings(shapes: readonly DicomInstance[][], shape: readonly DicomInstance[]): ScanWarning[] {
  const [first] = shape;
  if (first?.placement === "none") {
    const message = `entry ${first.ordinal} holds ${first.frames} frames that lie nowhere; this image is frame ${first.frame}`;
    return first.frames === 1 ? [] : [{ code: "SeriesSplit", message }];
  }
  if (shapes.length === 1) return [];
  const message = `the series holds slices of ${shapes.length} orientations, sizes or pixel spacings; this image is ${shape.length} of them`;
  return [{ code: "SeriesSplit", message }];
}

function volumeWarnings(volumes: readonly { readonly part: VolumePart }[], n: number): ScanWarning[] {
  const told = volumes[n]?.part.told ?? [];
  if (volumes.length === 1 || told.length === 0) return [];
  const message = `the series holds ${volumes.length} volumes told apart by ${told.join(" and ")}; this image is volume ${n + 1}`;
  return [{ code: "SeriesSplit", message }];
}

function contrastWarnings(slices: readonly DicomInstance[]): ScanWarning[] {
  const mixed = mixedContrasts(slices);
  if (mixed.length === 0) return [];
  const message = `slices differ in ${mixed.join(" and ")}; they were taken as one volume`;
  return [{ code: "ContrastMixed", message }];
}
