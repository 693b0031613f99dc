import { COLOUR_SHARES, type ColourChannel } from "#src/core/colour-channels.js";
import { PipelineError } from "#src/core/errors.js";
import { sha256 } from "#src/core/ids.js";
import { float32 } from "./load-series.js";
import type { ColourChoice, FoundScan, LoadedScan, UploadEntry } from "./scan.js";
import type { VolumeFile } from "./volume-file.js";
import { volumeFormatNamed, volumeFormatOf } from "./volume-formats.js";

/** Images that one file may hold: the workflow takes no more tasks from one upload. */
const MAX_VOLUMES = 1000;

/** Whether a file is by its name one that says where its voxels are, rather than holding them. */
export function isDetachedHeader(entry: UploadEntry): boolean {
  return /\.(hdr|nhdr|mhd)(\.gz)?$/i.test(entry.name);
}

/**
 * The images of a volume file, each volume of several one of its own; null when the file is of no volume format.
 *
 * @param bytes those of `entry`
 * @param willLoad as in `FindOptions`
 * @throws {PipelineError} any code of the readers
 */
export async function volumeScans(
  bytes: Uint8Array,
  entry: UploadEntry,
  entries: readonly UploadEntry[],
  willLoad = false,
): Promise<FoundScan[] | null> {
  const format = volumeFormatOf(bytes);
  if (format === null) return null;
  const file = volumeFile(bytes, entry, entries);
  const { grid, volumes, voxelBytes, heldBytes, dataOrdinals, warnings } = await format.inspect(file, willLoad);
  if (volumes > MAX_VOLUMES) {
    const message = `${file.subject} holds ${volumes} volumes, expected at most ${MAX_VOLUMES}`;
    throw new PipelineError("InputUnsupported", message);
  }
  const digests = [entry.sha256 ?? sha256(bytes)];
  for (const ordinal of dataOrdinals) {
    const data = entries.find((candidate) => candidate.ordinal === ordinal);
    if (data !== undefined) digests.push(data.sha256 ?? sha256(await data.read()));
  }
  const used = [entry.ordinal, ...dataOrdinals];
  return Array.from({ length: volumes }, (_, volume) => ({
    format: format.format,
    entries: used,
    instances: volumes === 1 ? digests : [...digests, `volume ${volume + 1}`],
    modality: null,
    bodyPart: null,
    // These formats say nothing of it.
    mayShowText: true,
    transferSyntaxUid: null,
    parts: volumes === 1 ? null : used.map(() => volume + 1),
    irregular: null,
    grid,
    ...(voxelBytes !== undefined && { voxelBytes }),
    ...(heldBytes !== undefined && { heldBytes }),
    warnings,
  }));
}

/**
 * Reads an image that `volumeScans` found. The warnings are those of its voxels and of its header.
 *
 * @param found the format, and `parts` with the number of the volume
 * @throws {PipelineError} any code of the readers
 */
export async function loadVolume(
  found: Pick<FoundScan, "format"> & Partial<Pick<FoundScan, "parts">> & ColourChoice,
  entry: UploadEntry,
  entries: readonly UploadEntry[],
): Promise<LoadedScan<Float32Array | Int16Array>> {
  const format = volumeFormatNamed(found.format);
  if (format === null) throw new RangeError(`format must be one of a volume file, got ${found.format}`);
  const file = volumeFile(await entry.read(), entry, entries);
  const { grid, channels, warnings } = await format.read(file, (found.parts?.[0] ?? 1) - 1);
  const [red, green, blue] = channels;
  if (red === undefined) throw new RangeError("a volume needs at least one channel");
  const common = { warnings, dicom: null, stack: null };
  if (green === undefined || blue === undefined) return { ...common, volume: { ...grid, data: red } };
  const data = channelOf(red, green, blue, found.colour);
  return { ...common, volume: { ...grid, data }, colours: channels.map(float32) };
}

/** What is asked for of a colour image, rounded to nothing: brightness as Pillow's "L" and OpenCV weigh it. */
function channelOf(
  red: Float32Array | Int16Array,
  green: Float32Array | Int16Array,
  blue: Float32Array | Int16Array,
  colour: ColourChannel = "brightness",
): Float32Array {
  const [r, g, b] = COLOUR_SHARES[colour];
  const grey = new Float32Array(red.length);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = r * (red[i] ?? 0) + g * (green[i] ?? 0) + b * (blue[i] ?? 0);
  }
  return grey;
}

function volumeFile(bytes: Uint8Array, entry: UploadEntry, entries: readonly UploadEntry[]): VolumeFile {
  const subject = `entry ${entry.ordinal}`;
  const sibling: VolumeFile["sibling"] = async (...names) => {
    const name = names.find((one) => entries.some((candidate) => candidate.name === one));
    const found = entries.filter((candidate) => candidate.name === name);
    const [first] = found;
    if (first === undefined) {
      throw new PipelineError("InputUnreadable", `${subject} names a data file that the upload does not hold`);
    }
    if (found.length > 1) {
      const message = `${subject} names a data file of which the upload holds ${found.length}, expected one`;
      throw new PipelineError("InputUnsupported", message);
    }
    return { ordinal: first.ordinal, bytes: await first.read() };
  };
  return { bytes, subject, name: entry.name, sibling };
}
