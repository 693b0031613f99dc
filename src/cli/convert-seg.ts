import { PipelineError } from "#src/core/errors.js";
import type { NiftiToWrite } from "#src/formats/nifti-write.js";
import { type OpenSeg, openSeg, segGrid, segLabels, visitSeg } from "#src/formats/seg-labels.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";

/** What is made of a DICOM SEG. */
export interface SegFlags {
  /**
   * - together: one label map, a label being its segment's number; segments that overlap are refused.
   * - separate: a file a segment, 1 where it is.
   *
   * @default "together"
   */
  readonly segments?: "together" | "separate";
  /**
   * Of FRACTIONAL: least share, in (0, 1], of a pixel that counts as the segment's.
   *
   * @default none: the shares themselves, of several segments along the fourth axis
   */
  readonly threshold?: number;
}

/** An image, with what its name gets between stem and extension. */
export interface SegImage {
  readonly suffix: string;
  readonly image: NiftiToWrite;
  /** False: shares of FRACTIONAL. */
  readonly isLabelMap: boolean;
}

/** Most samples of one file of shares. */
const MOST_SAMPLES = 2 ** 30;

/**
 * The images of a DICOM SEG, each frame where it says that it lies, on the smallest grid that holds all frames. One
 * after the other, so that one is held at a time.
 *
 * @throws {PipelineError} InputUnreadable, InputUnsupported (overlapping segments, no regular grid) or InputMismatch
 */
export function* segImages(bytes: Uint8Array, subject: string, flags: SegFlags): Generator<SegImage> {
  const seg = openSeg(bytes, subject);
  const grid = segGrid([bytes], subject);
  const { threshold } = flags;
  if (threshold !== undefined && seg.kind !== "FRACTIONAL") {
    throw new PipelineError("InputMismatch", `${subject} is ${seg.kind}, a threshold is for FRACTIONAL segmentations`);
  }
  const shares = seg.kind === "FRACTIONAL" && threshold === undefined;
  if (flags.segments === "separate") {
    for (const number of seg.segments) {
      const data = new Uint8Array(voxelCount(grid.size));
      const least = shares ? 0 : leastSample(seg, threshold);
      visitSeg(
        seg,
        grid,
        subject,
        (_, at, value) => {
          if (shares) data[at] = value;
          else if (seg.kind !== "FRACTIONAL" || value >= least) data[at] = 1;
        },
        number,
      );
      const image = { ...grid, data, ...(shares ? { slope: 1 / seg.maximum } : {}) };
      yield { suffix: `-segment-${number}`, image, isLabelMap: !shares };
    }
    return;
  }
  if (shares) {
    yield { suffix: "", image: sharesOf(seg, grid, subject), isLabelMap: false };
    return;
  }
  yield { suffix: "", image: { ...grid, data: togetherOf(seg, grid, subject, threshold) }, isLabelMap: true };
}

function togetherOf(
  seg: OpenSeg,
  grid: Grid,
  subject: string,
  threshold: number | undefined,
): Uint8Array | Uint16Array {
  try {
    const labels = segLabels(seg, grid, subject, leastSample(seg, threshold));
    return (seg.segments.at(-1) ?? 0) < 256 ? Uint8Array.from(labels) : labels;
  } catch (cause) {
    if (!(cause instanceof PipelineError) || !/in segments/.test(cause.message)) throw cause;
    throw new PipelineError("InputUnsupported", `${cause.message}; --segments separate writes a file each`, { cause });
  }
}

/** Shares of all segments, in the order of their numbers. */
function sharesOf(seg: OpenSeg, grid: Grid, subject: string): NiftiToWrite {
  const voxels = voxelCount(grid.size);
  const channels = seg.segments.length;
  if (voxels * channels > MOST_SAMPLES) {
    throw new PipelineError(
      "InputUnsupported",
      `${subject} makes ${voxels * channels} samples, expected at most ${MOST_SAMPLES}; --segments separate writes a file each`,
    );
  }
  const placeOf = new Map(seg.segments.map((number, n) => [number, n * voxels]));
  const data = new Uint8Array(voxels * channels);
  visitSeg(seg, grid, subject, (segment, at, value) => {
    const from = placeOf.get(segment);
    if (from !== undefined) data[from + at] = value;
  });
  return { ...grid, data, channels, slope: 1 / seg.maximum };
}

/** The sample from which on a pixel counts. */
function leastSample({ maximum }: OpenSeg, threshold = 1): number {
  return threshold * maximum;
}
