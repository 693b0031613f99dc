import { PipelineError } from "#src/core/errors.js";
import { type HuffmanTable, huffmanTable } from "./jpeg-huffman.js";

/** A component of a JPEG image (ITU-T T.81 B.2.2). */
export interface JpegComponent {
  readonly id: number;
  /** Sampling factors. */
  readonly h: number;
  readonly v: number;
  readonly quantisation: number;
}

/** The frame header. */
export interface JpegFrame {
  readonly process: "sequential" | "progressive" | "lossless";
  /** Bits a sample. */
  readonly precision: number;
  readonly rows: number;
  readonly columns: number;
  readonly components: readonly JpegComponent[];
}

/** A scan: which components, which part of them, and its entropy-coded bytes. */
export interface JpegScan {
  readonly components: readonly { readonly component: number; readonly dc: number; readonly ac: number }[];
  /** First and last coefficient; in a lossless scan the first is the predictor. */
  readonly spectralStart: number;
  readonly spectralEnd: number;
  /** Successive approximation, high and low; in a lossless scan the low one is the point transform. */
  readonly high: number;
  readonly low: number;
  readonly restartInterval: number;
  readonly dcTables: readonly (HuffmanTable | undefined)[];
  readonly acTables: readonly (HuffmanTable | undefined)[];
  /** Entropy-coded bytes from the end of the scan's header to the next marker that is no restart. */
  readonly data: Uint8Array;
}

export interface JpegFile {
  readonly frame: JpegFrame;
  readonly scans: readonly JpegScan[];
  /** 64 numbers each, in zig-zag order. */
  readonly quantisation: readonly (Uint16Array | undefined)[];
}

const PROCESSES: Readonly<Record<number, JpegFrame["process"]>> = {
  192: "sequential",
  193: "sequential",
  194: "progressive",
  195: "lossless",
};

/**
 * Takes a JPEG stream apart.
 *
 * @throws {PipelineError} InputUnreadable when it is damaged or cut short, InputUnsupported for hierarchical and
 *   arithmetic coding
 */
export function parseJpeg(bytes: Uint8Array, subject: string): JpegFile {
  const damaged = (what: string) =>
    new PipelineError("InputUnreadable", `${subject} has a damaged JPEG frame: ${what}`);
  const word = (at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  if (word(0) !== 0xffd8) throw damaged("it does not start with SOI");

  let frame: JpegFrame | null = null;
  let restartInterval = 0;
  const quantisation: (Uint16Array | undefined)[] = [];
  const dcTables: (HuffmanTable | undefined)[] = [];
  const acTables: (HuffmanTable | undefined)[] = [];
  const scans: JpegScan[] = [];

  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) throw damaged(`byte ${at} is no marker`);
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xd9) break;
    const length = word(at + 2);
    const end = at + 2 + length;
    if (length < 2 || end > bytes.length) throw damaged(`the segment at byte ${at} is cut short`);
    const segment = bytes.subarray(at + 4, end);
    at = end;
    if (marker === 0xc4) readHuffman(segment, dcTables, acTables, damaged);
    else if (marker === 0xdb) readQuantisation(segment, quantisation, damaged);
    else if (marker === 0xdd) restartInterval = ((segment[0] ?? 0) << 8) | (segment[1] ?? 0);
    else if (marker === 0xda) {
      if (frame === null) throw damaged("a scan comes before its frame");
      const stop = endOfScan(bytes, at);
      const data = bytes.subarray(at, stop);
      scans.push({
        ...readScan(segment, frame, damaged),
        restartInterval,
        dcTables: [...dcTables],
        acTables: [...acTables],
        data,
      });
      at = stop;
    } else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc) {
      const process = PROCESSES[marker];
      if (process === undefined) {
        throw new PipelineError(
          "InputUnsupported",
          `${subject} has JPEG process SOF${marker - 0xc0}, expected SOF0 to SOF3`,
        );
      }
      if (frame !== null) throw damaged("it has two frames");
      frame = readFrame(segment, process, damaged);
    }
  }
  if (frame === null || scans.length === 0) throw damaged("it has no scan");
  return { frame, scans, quantisation };
}

type Damaged = (what: string) => PipelineError;

function readFrame(segment: Uint8Array, process: JpegFrame["process"], damaged: Damaged): JpegFrame {
  const [precision = 0, r1 = 0, r0 = 0, c1 = 0, c0 = 0, count = 0] = segment;
  const [rows, columns] = [(r1 << 8) | r0, (c1 << 8) | c0];
  if (segment.length < 6 + 3 * count || count < 1 || count > 4) throw damaged(`a frame of ${count} components`);
  if (rows === 0 || columns === 0 || precision < 2 || precision > 16) {
    throw damaged(`a frame of ${columns} x ${rows} samples of ${precision} bits`);
  }
  const components = Array.from({ length: count }, (_, n): JpegComponent => {
    const [id = 0, factors = 0, table = 0] = segment.subarray(6 + 3 * n);
    const [h, v] = [factors >> 4, factors & 15];
    if (h < 1 || h > 4 || v < 1 || v > 4) throw damaged(`sampling factors ${h} x ${v}`);
    return { id, h, v, quantisation: table };
  });
  return { process, precision, rows, columns, components };
}

function readScan(
  segment: Uint8Array,
  frame: JpegFrame,
  damaged: Damaged,
): Pick<JpegScan, "components" | "spectralStart" | "spectralEnd" | "high" | "low"> {
  const count = segment[0] ?? 0;
  if (count < 1 || count > 4 || segment.length < 4 + 2 * count) throw damaged(`a scan of ${count} components`);
  const components = Array.from({ length: count }, (_, n) => {
    const [id = 0, tables = 0] = segment.subarray(1 + 2 * n);
    const component = frame.components.findIndex((candidate) => candidate.id === id);
    if (component < 0) throw damaged(`a scan of component ${id}, which its frame has not`);
    return { component, dc: tables >> 4, ac: tables & 15 };
  });
  const [spectralStart = 0, spectralEnd = 0, approximation = 0] = segment.subarray(1 + 2 * count);
  return { components, spectralStart, spectralEnd, high: approximation >> 4, low: approximation & 15 };
}

function readHuffman(
  segment: Uint8Array,
  dcTables: (HuffmanTable | undefined)[],
  acTables: (HuffmanTable | undefined)[],
  damaged: Damaged,
): void {
  for (let at = 0; at + 17 <= segment.length; ) {
    const kind = segment[at] ?? 0;
    const counts = segment.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const symbols = segment.subarray(at + 17, at + 17 + total);
    const table = symbols.length === total ? huffmanTable(counts, symbols) : null;
    if (table === null || (kind & 15) > 3 || kind >> 4 > 1) throw damaged("a Huffman table that makes no sense");
    (kind >> 4 === 0 ? dcTables : acTables)[kind & 15] = table;
    at += 17 + total;
  }
}

function readQuantisation(segment: Uint8Array, tables: (Uint16Array | undefined)[], damaged: Damaged): void {
  for (let at = 0; at < segment.length; ) {
    const kind = segment[at] ?? 0;
    const width = kind >> 4 === 0 ? 1 : 2;
    if (at + 1 + 64 * width > segment.length || (kind & 15) > 3)
      throw damaged("a quantisation table that is cut short");
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++) {
      const from = at + 1 + k * width;
      table[k] = width === 1 ? (segment[from] ?? 0) : ((segment[from] ?? 0) << 8) | (segment[from + 1] ?? 0);
    }
    tables[kind & 15] = table;
    at += 1 + 64 * width;
  }
}

/** Where entropy-coded bytes end: at a marker that is neither a stuffed zero nor a restart. */
function endOfScan(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) return bytes.length;
    const next = bytes[at + 1] ?? 0xd9;
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}
