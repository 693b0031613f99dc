import dicomParser from "dicom-parser";
import { PipelineError } from "#src/core/errors.js";
import { countedStream } from "./counted-stream.js";
import type { DicomFile } from "./dicom-file.js";

/** Compressed pixel data as it lies in a file: its fragments, and where frames begin. */
interface Fragments {
  /** Bytes of each fragment. */
  readonly parts: readonly Uint8Array[];
  /** Where each fragment's item begins, from the first item on. */
  readonly starts: readonly number[];
  /** Where each frame begins, from the first item on; empty where nothing says so. */
  readonly table: readonly number[];
}

/** The fragments of a file, and which of them begin a frame where it has `frames` of them. */
interface Frames {
  readonly parts: readonly Uint8Array[];
  readonly firsts: readonly number[];
  readonly frames: number;
}

/** Fragments and entries of the offset table: 100 for each frame of 10,000. Of an empty fragment 8 bytes make an object. */
const MAX_FRAGMENTS = 1_000_000;

const known = new WeakMap<DicomFile, Frames>();

/**
 * The compressed stream of a frame (PS3.5 A.4): by the offset table, else one fragment a frame, else by the streams'
 * own start markers, else, in a file of one frame, all fragments.
 *
 * @throws {PipelineError} InputUnreadable when the frame cannot be found
 */
export function encapsulatedFrame(
  file: DicomFile,
  subject: string,
  frames: { readonly index: number; readonly of: number },
): Uint8Array {
  const { parts, firsts } = framesOf(file, subject, frames.of);
  const first = firsts[frames.index];
  if (first === undefined || firsts.length !== frames.of) {
    const found = `${parts.length} fragments that begin ${firsts.length} frames`;
    throw new PipelineError("InputUnreadable", `${subject} has ${found}, expected ${frames.of}`);
  }
  const own = parts.slice(first, firsts[frames.index + 1]);
  return own.length === 1 && own[0] !== undefined ? own[0] : new Uint8Array(Buffer.concat(own));
}

/** Taken apart once a file: an enhanced object asks for hundreds of frames. */
function framesOf(file: DicomFile, subject: string, frames: number): Frames {
  const before = known.get(file);
  if (before?.frames === frames) return before;
  const fragments = fragmentsOf(file, subject);
  if (fragments.parts.length === 0) {
    const message = `${subject} says its pixels are compressed and has no compressed frame`;
    throw new PipelineError("InputUnreadable", message);
  }
  const found = { parts: fragments.parts, firsts: firstFragments(fragments, frames), frames };
  known.set(file, found);
  return found;
}

/** The first fragment of each frame. */
function firstFragments({ parts, starts, table }: Fragments, frames: number): readonly number[] {
  if (frames === 1) return [0];
  if (table.length === frames) {
    const places = new Map(starts.map((start, n) => [start, n]));
    const firsts = table.map((offset) => places.get(offset) ?? -1);
    if (firsts.every((first, n) => first >= 0 && first > (firsts[n - 1] ?? -1))) return firsts;
  }
  if (parts.length === frames) return parts.map((_, n) => n);
  // Start of image of the JPEG family, start of codestream of JPEG 2000.
  const begins = (part: Uint8Array) => part[0] === 0xff && (part[1] === 0xd8 || part[1] === 0x4f);
  return parts.flatMap((part, n) => (begins(part) ? [n] : []));
}

function fragmentsOf({ dataSet }: DicomFile, subject: string): Fragments {
  const { byteArray, byteArrayParser, elements } = dataSet;
  const element = elements.x7fe00010;
  let count = 0;
  const counted = () => {
    if (++count <= MAX_FRAGMENTS) return;
    const message = `${subject} has more than ${MAX_FRAGMENTS} fragments and offsets of compressed frames, expected at most that`;
    throw new PipelineError("InputUnsafe", message);
  };
  try {
    if (element?.hadUndefinedLength !== true) return { parts: [], starts: [], table: [] };
    const own = { ...element };
    const stream = countedStream(byteArrayParser, byteArray, element.dataOffset, counted);
    dicomParser.findEndOfEncapsulatedElement(stream, own);
    const { fragments = [], basicOffsetTable = [] } = own;
    const parts = fragments.map((_, n) =>
      dicomParser.readEncapsulatedPixelDataFromFragments(dataSet, own, n, 1, fragments),
    );
    const extended = elements.x7fe00001;
    const table = extended === undefined ? basicOffsetTable : longOffsets(byteArray, extended);
    return { parts, starts: fragments.map(({ offset }) => offset), table };
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    const reason = cause instanceof Error ? cause : new Error("dicom-parser gave up", { cause });
    throw new PipelineError("InputUnreadable", `${subject} has a damaged compressed frame`, { cause: reason });
  }
}

/** The extended offset table: numbers of 64 bits, little endian as all compressed data sets are. */
function longOffsets(bytes: Uint8Array, { dataOffset, length }: { dataOffset: number; length: number }): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset + dataOffset, length);
  return Array.from({ length: Math.floor(length / 8) }, (_, n) => Number(view.getBigUint64(8 * n, true)));
}
