import type { ColourChannel } from "#src/core/colour-channels.js";
import type { ImageFormat } from "#src/core/image-formats.js";
import type { ScanWarning } from "#src/core/warnings.js";
import type { SliceStack } from "#src/imaging/slice-stack.js";
import type { Grid, Volume } from "#src/imaging/volume.js";

/** One file of an upload: an object, or an entry of an archive. */
export interface UploadEntry {
  /** Position in the upload, from 0: how messages name the file. */
  readonly ordinal: number;
  /** The file's own name: for choosing a reader by extension and for nothing else. */
  readonly name: string;
  /** Bytes, once unpacked. */
  readonly size: number;
  /** SHA-256 of the bytes, where that is known before they are read. */
  readonly sha256?: string;
  /** Each read is a request over a network: readers of many files have several under way. @default false */
  readonly isRemote?: boolean;
  /**
   * All bytes: the caller's own, or, where it lends memory for them, its own until it lends that memory again. Where
   * the bytes lie elsewhere already the loan is not used.
   */
  read(loan?: ReadLoan): Promise<Uint8Array>;
  /** The first `length` bytes (fewer in a shorter file), where that is cheaper than reading all. */
  readHead?(length: number): Promise<Uint8Array>;
}

/** Memory that file after file is read into, so that none needs memory of its own. Readers replace it by more. */
export interface ReadLoan {
  room: Uint8Array;
}

/** How an upload is looked at. */
export interface FindOptions {
  /**
   * Series with variable spacing or tilt: "reject" refuses them (SeriesIrregular), "resample" finds them with the
   * regular grid that `loadScan` brings them to, and says so in `FoundScan.irregular`.
   *
   * @default "reject"
   */
  readonly irregular?: "reject" | "resample";
  /**
   * Look at the headers of DICOM files alone, where that is cheaper: for a caller that loads every image it finds, and
   * hears from `loadScan` of pixels that are missing. `FoundScan.instances` then has no digests and names no result.
   *
   * @default false
   */
  readonly headersOnly?: boolean;
  /**
   * Leave it to `loadScan` to find a gzip'd NIfTI file damaged where the length at its end is the right one: for a caller
   * that loads every image it finds, so that nothing is unpacked twice.
   *
   * @default false
   */
  readonly willLoad?: boolean;
  /** Files of the same upload that another reader takes (DICOM SEG): a DICOMDIR that names them misses nothing. */
  readonly takenElsewhere?: readonly UploadEntry[];
}

/** One image found in an upload: a DICOM series, or a volume file. */
export interface FoundScan {
  readonly format: ImageFormat;
  /**
   * Ordinals of the entries it is made of. DICOM: that of each slice, ascending along the slice normal, so that an
   * entry of several frames is named several times. A volume file: its own, then those of its detached data files.
   */
  readonly entries: readonly number[];
  /**
   * Number of each slice's frame or mosaic tile in its entry, from 1; null where every entry is one slice. Of a volume
   * file that holds several volumes: the number of this one, from 1.
   */
  readonly parts: readonly number[] | null;
  /** Digests of its instances: SOP instance UID and SHA-256 of the file, or the SHA-256 alone. */
  readonly instances: readonly string[];
  /** DICOM modality (CT, MR, …); null where the format has none. */
  readonly modality: string | null;
  /** DICOM body part examined, upper case; null where unknown. */
  readonly bodyPart: string | null;
  /** Values of DICOM Image Type, in capitals; none where the format has none. */
  readonly imageType?: readonly string[];
  /** Whether text may be burned into its pixels, a patient's name among it: whatever is not known to be free of it. */
  readonly mayShowText: boolean;
  /** How DICOM pixels are encoded (that of the first slice); null where the format has none. */
  readonly transferSyntaxUid: string | null;
  /** Why the slices are no regular volume, where they are resampled to one; null where they are. */
  readonly irregular: string | null;
  readonly grid: Grid;
  /** Bytes of a stored voxel, where its header says so before anything is unpacked. */
  readonly voxelBytes?: number;
  /** Bytes of a voxel as `loadScanCompact` gives it, where headers say so. */
  readonly heldBytes?: 2 | 4;
  readonly warnings: readonly ScanWarning[];
}

/** What is read of a colour image. */
export interface ColourChoice {
  /** @default brightness */
  readonly colour?: ColourChannel;
}

/** An image with its voxels: stored values after rescaling, float32 unless others were asked for. */
export interface LoadedScan<T extends Float32Array | Int16Array = Float32Array> {
  /** Of a colour image the channel asked for, else its luminance (ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B). */
  readonly volume: Volume<T>;
  /** Red, green and blue of a colour image, on the grid of `volume`. */
  readonly colours?: readonly Float32Array[];
  readonly warnings: readonly ScanWarning[];
  /** Present for DICOM sources that have a place in the patient and UIDs to refer to. */
  readonly dicom: DicomSource | null;
  /** Where the source's own slices lie in the volume, for an irregular series; else they are its planes. */
  readonly stack: SliceStack | null;
}

/** What objects derived from a DICOM series must repeat of it. Carries patient data: never logged. */
export interface DicomSource {
  /** Patient and study attributes as DICOM JSON (PS3.18 F): tag to { vr, Value }. */
  readonly attributes: Readonly<Record<string, { readonly vr: string; readonly Value?: readonly unknown[] }>>;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly frameOfReferenceUid: string;
  /** One a slice, in the order of the volume's z axis. */
  readonly slices: readonly DicomSlice[];
  /** Row and column direction cosines (Image Orientation Patient), in LPS. */
  readonly orientationLps: readonly number[];
  /** Distance between rows and between columns (Pixel Spacing). */
  readonly pixelSpacingMm: readonly [number, number];
  readonly sliceThicknessMm: number | null;
}

export interface DicomSlice {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** Number of the frame in its instance, from 1; null where the instance is one image (a mosaic too). */
  readonly frame: number | null;
  /** Image Position Patient, in LPS: where this slice lies, whatever a grid says. */
  readonly positionLps: readonly [number, number, number];
}
