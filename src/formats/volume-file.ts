import type { ImageFormat } from "#src/core/image-formats.js";
import type { ScanWarning } from "#src/core/warnings.js";
import type { Grid } from "#src/imaging/volume.js";

/** A file that an image is read from, and the upload around it. */
export interface VolumeFile {
  readonly bytes: Uint8Array;
  /** How messages name the file: "entry 3". */
  readonly subject: string;
  /** The file's own name, from which that of a detached data file follows. Never in a message. */
  readonly name: string;
  /**
   * Another file of the upload by its own name, without folders: of several names the first that the upload holds.
   *
   * @throws {PipelineError} InputUnreadable when it is not there, InputUnsupported when several have that name
   */
  readonly sibling: (...names: readonly string[]) => Promise<SiblingFile>;
}

/** A data file that a header names. */
export interface SiblingFile {
  readonly ordinal: number;
  readonly bytes: Uint8Array;
}

/** What a file holds, without its voxels. */
export interface VolumeFacts {
  /** That of each of its volumes. */
  readonly grid: Grid;
  /** Bytes of a stored voxel, where that is known before anything is unpacked. */
  readonly voxelBytes?: number;
  /** Bytes of a voxel as it is read, where that is known as well: of integers that stay such, 2. */
  readonly heldBytes?: 2 | 4;
  /** Volumes in the file, each an image of its own: time points, or pages that are no slices. */
  readonly volumes: number;
  /** Ordinals of detached data files, in the order in which they are read. */
  readonly dataOrdinals: readonly number[];
  readonly warnings: readonly ScanWarning[];
}

/** One volume of a file: real values, x fastest. */
export interface VolumeVoxels {
  readonly grid: Grid;
  /** One array, of integers where all voxels are stored so, or red, green and blue. Arrays are the caller's own. */
  readonly channels: readonly (Float32Array | Int16Array)[];
  readonly warnings: readonly ScanWarning[];
}

/**
 * A format of which one file (or a header with its data files) is one image or several. Each is told by content.
 * `inspect` and `read` throw PipelineError InputUnreadable, InputUnsupported or InputUnsafe, and use memory bounded by
 * the file's size and a stated limit.
 */
export interface VolumeFormat {
  readonly format: ImageFormat;
  /** Whether a file is of this format. May be given the whole file, and at least its first 64 KiB. */
  matches(head: Uint8Array): boolean;
  /** @param willLoad whether `read` comes next, which finds what is damaged inside a file */
  inspect(file: VolumeFile, willLoad: boolean): Promise<VolumeFacts>;
  /** @param volume which of the file's volumes, from 0 */
  read(file: VolumeFile, volume: number): Promise<VolumeVoxels>;
}
