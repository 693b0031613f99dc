import { PipelineError } from "#src/core/errors.js";
import { decodeDct } from "./jpeg-dct.js";
import { decodeLossless } from "./jpeg-lossless.js";
import { parseJpeg } from "./jpeg-markers.js";
import { hasEnd, isWholeJ2k, readJ2kSize, readJpegLsSize } from "./stream-size.js";

/** What a data set says of its frames; a stream that says otherwise is damaged. */
export interface FrameShape {
  readonly rows: number;
  readonly columns: number;
  /** Samples a pixel. */
  readonly samples: number;
}

/** A decoded frame: samples of 8 bits, or of 16 in little-endian order, component after component. */
export interface DecodedFrame {
  readonly bytes: Uint8Array;
  readonly bytesPerSample: 1 | 2;
  /** Whether the components of a pixel stand beside each other, or each component is a plane of its own. */
  readonly isInterleaved: boolean;
}

/** @throws {PipelineError} InputUnreadable, InputUnsupported */
export type FrameDecoder = (stream: Uint8Array, shape: FrameShape, subject: string) => DecodedFrame;

/** A frame beyond this many pixels must pack at most so well: one that does better is a bomb. */
const FREE_PIXELS = 2 ** 24;
const MOST_PIXELS_A_BYTE = 4096;

/**
 * The libraries that decode by WebAssembly talk to the console unless they are given other ears. Each needs an object
 * of its own: they write their classes into it.
 */
const silent = () => ({ print: () => {}, printErr: () => {} });

const jpeg = async (): Promise<FrameDecoder> => decodeJpeg;

const jpegLs = once(async () => {
  const { JpegLSDecoder } = await (await import("@cornerstonejs/codec-charls/decodewasmjs")).default(silent());
  return wasmDecoder(() => new JpegLSDecoder(), readJpegLsSize, hasEnd);
});

const jpeg2000 = once(async () => {
  const { J2KDecoder } = await (await import("@cornerstonejs/codec-openjpeg/decodewasmjs")).default(silent());
  return wasmDecoder(() => new J2KDecoder(), readJ2kSize, isWholeJ2k);
});

const htj2k = once(async () => {
  const { HTJ2KDecoder } = await (await import("@cornerstonejs/codec-openjph/wasmjs")).default(silent());
  return wasmDecoder(() => new HTJ2KDecoder(), readJ2kSize, isWholeJ2k);
});

/** Decoders by the last numbers of the transfer syntax. The libraries can be loaded but once a process. */
const DECODERS: Readonly<Record<string, () => Promise<FrameDecoder>>> = {
  "50": jpeg,
  "51": jpeg,
  "53": jpeg,
  "55": jpeg,
  "57": jpeg,
  "70": jpeg,
  "80": jpegLs,
  "81": jpegLs,
  "90": jpeg2000,
  "91": jpeg2000,
  "201": htj2k,
  "202": htj2k,
  "203": htj2k,
};
const ROOT = "1.2.840.10008.1.2.4.";

/** Compressed transfer syntaxes that can be decoded, RLE aside. */
export const COMPRESSED_SYNTAXES: ReadonlySet<string> = new Set(Object.keys(DECODERS).map((last) => ROOT + last));

/**
 * The decoder of a compressed transfer syntax; what it stands on is loaded when it is first asked for.
 *
 * @throws {RangeError} for a syntax that is not in `COMPRESSED_SYNTAXES`
 */
export async function frameDecoder(transferSyntaxUid: string): Promise<FrameDecoder> {
  const load = DECODERS[transferSyntaxUid.slice(ROOT.length)];
  if (load === undefined) throw new RangeError(`no decoder for transfer syntax ${transferSyntaxUid}`);
  return guarded(await load());
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

/** Refuses bombs before anything is decoded. */
function guarded(decode: FrameDecoder): FrameDecoder {
  return (stream, shape, subject) => {
    const pixels = shape.rows * shape.columns * shape.samples;
    if (pixels > FREE_PIXELS && pixels > stream.length * MOST_PIXELS_A_BYTE) {
      const found = `${stream.length} bytes for a frame of ${shape.columns} x ${shape.rows} pixels`;
      throw new PipelineError(
        "InputUnsafe",
        `${subject} has ${found}, expected at least one for ${MOST_PIXELS_A_BYTE}`,
      );
    }
    return decode(stream, shape, subject);
  };
}

const decodeJpeg: FrameDecoder = (stream, shape, subject) => {
  const file = parseJpeg(stream, subject);
  const { rows, columns, components, precision, process } = file.frame;
  assertShape({ rows, columns, samples: components.length }, shape, subject);
  const planes = process === "lossless" ? decodeLossless(file, subject) : decodeDct(file, subject);
  const isWide = precision > 8;
  const out = isWide ? new Uint16Array(rows * columns * planes.length) : new Uint8Array(rows * columns * planes.length);
  for (const [n, plane] of planes.entries()) out.set(plane, n * rows * columns);
  return { bytes: new Uint8Array(out.buffer), bytesPerSample: isWide ? 2 : 1, isInterleaved: false };
};

/**
 * @param sizeOf reads the size that the stream itself says, so that nothing larger is ever decoded
 * @param isWhole finds streams that are cut short: the libraries make pixels up, or go on behind the end
 */
function wasmDecoder(
  open: () => CornerstoneDecoder,
  sizeOf: (stream: Uint8Array) => FrameShape | null,
  isWhole: (stream: Uint8Array) => boolean,
): FrameDecoder {
  return (stream, shape, subject) => {
    const size = sizeOf(stream);
    if (size === null) throw damaged(subject, "it does not start as one");
    assertShape(size, shape, subject);
    if (!isWhole(stream)) throw damaged(subject, "it is cut short");
    let decoder: CornerstoneDecoder | null = null;
    try {
      decoder = open();
      decoder.getEncodedBuffer(stream.length).set(stream);
      decoder.decode();
      const { width, height, componentCount, bitsPerSample } = decoder.getFrameInfo();
      assertShape({ rows: height, columns: width, samples: componentCount }, shape, subject);
      const bytesPerSample = bitsPerSample > 8 ? 2 : 1;
      const bytes = Uint8Array.from(decoder.getDecodedBuffer());
      if (bytes.length < width * height * componentCount * bytesPerSample)
        throw damaged(subject, "it gives too few pixels");
      // Of JPEG-LS, components that were not interleaved come one after the other.
      return { bytes, bytesPerSample, isInterleaved: decoder.getInterleaveMode?.() !== 0 };
    } catch (cause) {
      if (cause instanceof PipelineError) throw cause;
      // The libraries throw numbers and strings.
      const reason = cause instanceof Error ? cause : new Error("the decoder gave up", { cause });
      throw new PipelineError("InputUnreadable", `${subject} has a damaged compressed frame`, { cause: reason });
    } finally {
      decoder?.delete();
    }
  };
}

function assertShape(found: FrameShape, expected: FrameShape, subject: string): void {
  const text = ({ rows, columns, samples }: FrameShape) => `${columns} x ${rows} pixels of ${samples} samples`;
  if (text(found) === text(expected)) return;
  throw new PipelineError(
    "InputUnreadable",
    `${subject} has a compressed frame of ${text(found)}, its header says ${text(expected)}`,
  );
}

function damaged(subject: string, what: string): PipelineError {
  return new PipelineError("InputUnreadable", `${subject} has a damaged compressed frame: ${what}`);
}
