import type { FrameShape } from "./frame-decoder.js";

/** Size in the SIZ marker of a JPEG 2000 codestream (ISO 15444-1 A.5.1), in a JP2 file or bare; null where there is none. */
export function readJ2kSize(stream: Uint8Array): FrameShape | null {
  const start = codestreamStart(stream);
  if (start < 0 || start + 44 > stream.length) return null;
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  if (view.getUint16(start + 2) !== 0xff51) return null;
  const columns = view.getUint32(start + 8) - view.getUint32(start + 16);
  const rows = view.getUint32(start + 12) - view.getUint32(start + 20);
  return { rows, columns, samples: view.getUint16(start + 40) };
}

function codestreamStart(stream: Uint8Array): number {
  const isStart = (at: number) => stream[at] === 0xff && stream[at + 1] === 0x4f && stream[at + 2] === 0xff;
  if (isStart(0)) return 0;
  // A JP2 file: the codestream is in one of its boxes, after a few small ones.
  for (let at = stream.indexOf(0xff); at >= 0 && at < 4096; at = stream.indexOf(0xff, at + 1))
    if (isStart(at)) return at;
  return -1;
}

/**
 * Whether all tile parts of a JPEG 2000 codestream (ISO 15444-1 A.4.2) are there. Decoders fill what is missing with
 * zeros and say nothing.
 */
export function isWholeJ2k(stream: Uint8Array): boolean {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  let at = codestreamStart(stream) + 2;
  for (let tileParts = 0; at + 4 <= stream.length; ) {
    const marker = view.getUint16(at);
    if (marker === END_OF_CODESTREAM) return tileParts > 0;
    if (marker !== START_OF_TILE_PART) at += 2 + view.getUint16(at + 2);
    else {
      const length = at + 10 <= stream.length ? view.getUint32(at + 6) : 0;
      // Of the last one, 0 stands for "to the end".
      if (length === 0) return hasEnd(stream);
      if (length < 14) return false;
      at += length;
      tileParts++;
    }
  }
  // Some writers leave the end marker out, or have it cut off: no sample depends on it.
  const rest = stream.length - at;
  return rest === 0 || rest === 1 || hasEnd(stream.subarray(at));
}

const START_OF_TILE_PART = 0xff90;
const END_OF_CODESTREAM = 0xffd9;

/**
 * Whether bytes hold the end marker that JPEG-LS and JPEG 2000 share; coded samples never look like it, so it may be
 * looked for anywhere. Without it CharLS goes on for seconds behind the end of a frame.
 */
export function hasEnd(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(END_MARKER);
}

const END_MARKER = Buffer.of(0xff, 0xd9);

/** Size in the start-of-frame marker of a JPEG-LS stream (ITU-T T.87 C.2.2); null where there is none. */
export function readJpegLsSize(stream: Uint8Array): FrameShape | null {
  if (stream[0] !== 0xff || stream[1] !== 0xd8) return null;
  const word = (at: number): number => ((stream[at] ?? 0) << 8) | (stream[at + 1] ?? 0);
  for (let at = 2; at + 10 <= stream.length && stream[at] === 0xff; at += 2 + Math.max(2, word(at + 2))) {
    if (stream[at + 1] === 0xf7) return { rows: word(at + 5), columns: word(at + 7), samples: stream[at + 9] ?? 0 };
  }
  return null;
}
