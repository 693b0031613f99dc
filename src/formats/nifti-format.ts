import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { voxelCount } from "#src/imaging/volume.js";
import { COLOUR_REDUCED, colourPlanes } from "./colour-planes.js";
import type { NiftiHeader } from "./nifti-header.js";
import {
  endOfVoxels,
  isNifti,
  niftiHeaderOf,
  type OpenNifti,
  openNifti,
  trailing,
  unpackedLength,
} from "./nifti-read.js";
import type { VolumeFile, VolumeFormat } from "./volume-file.js";
import { decodeVoxels, realVoxels, staysWhole } from "./voxel-bytes.js";

/**
 * NIfTI-1 and 2, one file or a pair of .hdr and .img, each plain or gzip'd. Every volume along the fourth dimension is
 * an image of its own. Placement: `parseNiftiHeader`.
 */
export const niftiFormat: VolumeFormat = {
  format: "nifti",
  matches: isNifti,
  async inspect(file, willLoad) {
    const alone = willLoad ? headerAlone(file) : null;
    if (alone !== null) {
      return { ...factsOf(alone), dataOrdinals: [], warnings: alone.warnings };
    }
    const { header, open, dataOrdinals } = await openFile(file);
    return { ...factsOf(header), dataOrdinals, warnings: warningsOf(header, open) };
  },
  async read(file, volume) {
    const { header, open } = await openFile(file);
    const bytes = voxelCount(header.size) * header.voxelBytes;
    const start = header.dataOffset + volume * bytes;
    const raw = decodeVoxels(open.file.subarray(start, start + bytes), header.kind, header.littleEndian, open.owned);
    const warnings = warningsOf(header, open);
    if (header.components !== 1) {
      const { channels, isTransparent } = colourPlanes(raw, header.components, 255);
      if (isTransparent) warnings.push({ code: "AlphaIgnored", message: "transparency of voxels was ignored" });
      return { grid: gridOf(header), channels, warnings };
    }
    const real = realVoxels(raw, header.slope, header.intercept);
    return { grid: gridOf(header), channels: [real.data], warnings: [...warnings, ...real.warnings] };
  },
};

interface Opened {
  readonly header: NiftiHeader;
  readonly open: OpenNifti;
  readonly dataOrdinals: readonly number[];
}

/** The header of a gzip'd file that says at its end that its voxels are what it holds, and nothing else; null of others. */
function headerAlone({ bytes, subject }: VolumeFile): NiftiHeader | null {
  const header = niftiHeaderOf(bytes, subject);
  const isPlain = !header.isPair && header.vectorLength <= 1 && header.components === 1;
  return isPlain && unpackedLength(bytes) === endOfVoxels(header) ? header : null;
}

async function openFile(file: VolumeFile): Promise<Opened> {
  const { subject } = file;
  const header = niftiHeaderOf(file.bytes, subject);
  if (header.vectorLength > 1) {
    const found = `${header.vectorLength} numbers at each voxel (a fifth dimension)`;
    throw new PipelineError("InputUnsupported", `${subject} holds ${found}, expected one or a colour`);
  }
  if (!header.isPair) return { header, open: openNifti(file.bytes, header, subject), dataOrdinals: [] };
  const data = await file.sibling(...imageNames(file));
  return { header, open: openNifti(data.bytes, header, `entry ${data.ordinal}`), dataOrdinals: [data.ordinal] };
}

/**
 * "brain.hdr.gz" -> "brain.img.gz", as nifti1_io.c does; upper case stays. Else the one that is packed where the header
 * is not, or the other way round: others write such pairs.
 */
function imageNames({ name, subject }: VolumeFile): string[] {
  const [, stem, ending, packed] = /^(.*)\.(hdr|HDR)(\.gz|\.GZ)?$/.exec(name) ?? [];
  if (stem !== undefined) {
    const image = `${stem}.${ending === "HDR" ? "IMG" : "img"}`;
    return packed === undefined ? [image, `${image}.gz`, `${image}.GZ`] : [image + packed, image];
  }
  const message = `${subject} is the header of a two-file NIfTI pair, expected its name to end in .hdr`;
  throw new PipelineError("InputUnsupported", message);
}

function factsOf(header: NiftiHeader) {
  const { channels, voxelBytes, components, kind, slope, intercept } = header;
  const isWhole = components === 1 && staysWhole(kind, slope, intercept);
  return { grid: gridOf(header), volumes: channels, voxelBytes, heldBytes: isWhole ? (2 as const) : (4 as const) };
}

function gridOf({ size, affineRas, spacingMm }: NiftiHeader) {
  return { size, affineRas, spacingMm };
}

function warningsOf(header: NiftiHeader, open: OpenNifti): ScanWarning[] {
  const warnings = [...header.warnings, ...trailing(header, open.file.length)];
  if (header.components !== 1) {
    warnings.push(COLOUR_REDUCED);
  }
  return warnings;
}
