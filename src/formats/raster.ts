import { PipelineError } from "#src/core/errors.js";
import type { ImageFormat } from "#src/core/image-formats.js";
import type { ScanWarning } from "#src/core/warnings.js";
import type { Grid, VoxelArray } from "#src/imaging/volume.js";
import { COLOUR_REDUCED, colourPlanes } from "./colour-planes.js";
import type { VolumeFile, VolumeFormat, VolumeVoxels } from "./volume-file.js";
import { realVoxels } from "./voxel-bytes.js";

/** One picture of a file. */
export interface RasterPage {
  readonly width: number;
  readonly height: number;
  /** Rows from the top, pixels interleaved. The reader gives them away. */
  readonly pixels: VoxelArray;
  /** Numbers a pixel: grey, colour, colour with alpha (of which `opaque` is the largest). */
  readonly components: 1 | 3 | 4;
  readonly opaque: number;
  /** Whether any pixel of a grey picture was transparent. @default false */
  readonly isTransparent?: boolean;
}

const ALPHA_IGNORED: ScanWarning = { code: "AlphaIgnored", message: "transparency of pixels was ignored" };

/** Pixels of one picture: with red, green, blue and alpha in memory at once, half a gigabyte. */
const MAX_PIXELS = 2 ** 27;

/**
 * A format of pictures. They lie nowhere in space: spacing is unknown (what a file says of pixels an inch is meant for
 * printers), x grows along a row and y downwards. A colour picture whose channels are all equal is grey.
 *
 * @param decode every page, or the one asked for; throws whatever its library does for a damaged file
 */
export function rasterFormat(
  format: ImageFormat,
  matches: (head: Uint8Array) => boolean,
  count: (file: VolumeFile) => Promise<number>,
  decode: (file: VolumeFile, page: number) => Promise<RasterPage>,
): VolumeFormat {
  const read = async (file: VolumeFile, page: number): Promise<VolumeVoxels> => {
    try {
      return voxelsOf(await decode(file, page));
    } catch (cause) {
      throw typed(cause, file.subject, format);
    }
  };
  return {
    format,
    matches,
    async inspect(file) {
      const { grid, warnings } = await read(file, 0);
      const volumes = await count(file).catch((cause: unknown) => {
        throw typed(cause, file.subject, format);
      });
      return { grid, volumes, dataOrdinals: [], warnings };
    },
    read,
  };
}

/**
 * Refuses a picture before memory is taken for it.
 *
 * @param perByte most pixels that the format's compression can make of one byte
 * @throws {PipelineError} InputUnreadable, InputUnsafe
 */
export function assertPixels(width: number, height: number, bytes: number, perByte: number, subject: string): void {
  if (!(width >= 1 && height >= 1)) {
    throw new PipelineError("InputUnreadable", `${subject} is ${width} x ${height} pixels, expected 1 or more`);
  }
  if (width * height > MAX_PIXELS) {
    const message = `${subject} says ${width} x ${height} pixels, expected at most ${MAX_PIXELS} in all`;
    throw new PipelineError("InputUnsafe", message);
  }
  if (width * height > perByte * bytes) {
    const message = `${subject} is cut short: ${bytes} bytes cannot hold ${width} x ${height} pixels`;
    throw new PipelineError("InputUnreadable", message);
  }
}

function typed(cause: unknown, subject: string, format: ImageFormat): unknown {
  if (cause instanceof PipelineError) return cause;
  const message = `${subject} is damaged or cut short, expected a whole ${format.toUpperCase()} file`;
  return new PipelineError("InputUnreadable", message, { cause });
}

function voxelsOf({ width, height, pixels, components, opaque, ...rest }: RasterPage): VolumeVoxels {
  const grid: Grid = {
    size: [width, height, 1],
    // Rows run down: y towards the back, x to the patient's left, as a picture of an axial slice is looked at.
    affineRas: [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0],
    spacingMm: null,
  };
  const warnings: ScanWarning[] = [
    { code: "SpacingUnknown", message: "a picture does not say how large a pixel is; sizes are in pixels" },
  ];
  if (components === 1) {
    if (rest.isTransparent === true) warnings.push(ALPHA_IGNORED);
    const real = realVoxels(pixels, 1, 0);
    return { grid, channels: [real.data], warnings: [...warnings, ...real.warnings] };
  }
  const { channels, isTransparent } = colourPlanes(pixels, components, opaque);
  if (isTransparent) warnings.push(ALPHA_IGNORED);
  const [red, green, blue] = channels;
  if (red.every((value, i) => value === green[i] && value === blue[i])) return { grid, channels: [red], warnings };
  warnings.push(COLOUR_REDUCED);
  return { grid, channels, warnings };
}
