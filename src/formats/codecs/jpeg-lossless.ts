import { PipelineError } from "#src/core/errors.js";
import { entropyBytes, extended, type HuffmanTable, JpegBits } from "./jpeg-huffman.js";
import type { JpegFile, JpegFrame, JpegScan } from "./jpeg-markers.js";

/**
 * Samples of a lossless JPEG (ITU-T T.81 annex H, process 14, all predictors), one array a component.
 *
 * @throws {PipelineError} InputUnreadable when codes are missing or make no sense, InputUnsupported for sampling factors
 */
export function decodeLossless({ frame, scans }: JpegFile, subject: string): Uint16Array[] {
  if (frame.components.some(({ h, v }) => h !== 1 || v !== 1)) {
    throw new PipelineError("InputUnsupported", `${subject} has subsampled lossless JPEG, expected every sample`);
  }
  const samples = frame.rows * frame.columns;
  const out = frame.components.map(() => new Uint16Array(samples));
  for (const scan of scans)
    if (!decodedPlainly(scan, frame, out, subject))
      decodeScan(scan, frame.precision, frame.rows, frame.columns, out, subject);
  return out;
}

function decodeScan(
  scan: JpegScan,
  precision: number,
  rows: number,
  columns: number,
  out: readonly Uint16Array[],
  subject: string,
): void {
  const bits = new JpegBits(scan.data);
  const predictor = scan.spectralStart;
  const start = 1 << Math.max(0, precision - scan.low - 1);
  const parts = scan.components.map(({ component, dc }) => {
    const table = scan.dcTables[dc];
    const samples = out[component];
    if (table === undefined || samples === undefined || predictor < 1 || predictor > 7) {
      throw damaged(subject, "a scan without a table or with an unknown predictor");
    }
    return { table, samples };
  });
  let untilRestart = scan.restartInterval;
  // After the start and every restart: the first sample comes from the middle of the range, its row from the left.
  let isStart = true;
  let isFirstRow = true;
  for (let row = 0; row < rows; row++) {
    const line = row * columns;
    for (let column = 0; column < columns; column++) {
      if (scan.restartInterval > 0 && untilRestart-- === 0) {
        bits.restart();
        untilRestart = scan.restartInterval - 1;
        isStart = true;
        isFirstRow = true;
      }
      const at = line + column;
      for (const { table, samples } of parts) {
        const size = bits.symbol(table);
        if (size < 0 || size > 16) throw damaged(subject, "a code that its table has not");
        const difference = size === 16 ? 32_768 : bits.difference(size);
        const prediction = isStart ? start : predicted(samples, at, columns, column, isFirstRow, predictor);
        samples[at] = prediction + difference;
      }
      isStart = false;
    }
    if (bits.missing > 0) throw damaged(subject, `it ends in row ${row} of ${rows}`);
    isFirstRow = false;
  }
  if (scan.low > 0)
    for (const { samples } of parts)
      for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] ?? 0) << scan.low;
}

/**
 * The usual scan: one component, predictor 1, no restarts. Twice as fast as the general way: what is known of a
 * code and its difference by their first 12 bits is looked up once, and the bits are held in local variables.
 *
 * @returns false for any other scan
 */
function decodedPlainly(
  scan: JpegScan,
  { precision, rows, columns }: JpegFrame,
  out: readonly Uint16Array[],
  subject: string,
): boolean {
  const [part, ...others] = scan.components;
  if (part === undefined || others.length > 0 || scan.spectralStart !== 1) return false;
  if (scan.restartInterval > 0 || scan.low > 0) return false;
  const table = scan.dcTables[part.dc];
  const samples = out[part.component];
  if (table === undefined || samples === undefined) return false;

  const { bytes } = entropyBytes(scan.data);
  const differences = shortDifferences(table);
  const end = bytes.length;
  let buffer = 0;
  let held = 0;
  let from = 0;
  let at = 0;
  let left = 1 << (precision - 1);
  for (let row = 0; row < rows; row++) {
    if (row > 0) left = samples[at - columns] as number;
    for (let stop = at + columns; at < stop; at++) {
      // Never more than 32 bits are held: those above have been used and fall out.
      while (held <= 24) {
        buffer = (buffer << 8) | (from < end ? (bytes[from] as number) : 0);
        from++;
        held += 8;
      }
      const short = differences[(buffer >>> (held - SHORT_BITS)) & SHORT_MASK] as number;
      if (short !== 0) {
        held -= short & 0xff;
        left = (left + (short >> 8)) & 0xffff;
      } else {
        const entry = table[(buffer >>> (held - 16)) & 0xffff] as number;
        const size = entry & 0xff;
        if (entry === 0 || size > 16) throw damaged(subject, "a code that its table has not");
        held -= entry >>> 8;
        let difference = 32_768;
        if (size < 16) {
          while (held <= 24) {
            buffer = (buffer << 8) | (from < end ? (bytes[from] as number) : 0);
            from++;
            held += 8;
          }
          held -= size;
          difference = extended((buffer >>> held) & ((1 << size) - 1), size);
        }
        left = (left + difference) & 0xffff;
      }
      samples[at] = left;
    }
    if (from - (held >> 3) > end) throw damaged(subject, `it ends in row ${row} of ${rows}`);
  }
  return true;
}

const SHORT_BITS = 12;
const SHORT_MASK = (1 << SHORT_BITS) - 1;

/** By the next 12 bits: `difference << 8 | length` where they hold a code and its difference whole, else 0. */
function shortDifferences(table: HuffmanTable): Int32Array {
  return Int32Array.from({ length: 1 << SHORT_BITS }, (_, bits) => {
    const entry = table[bits << (16 - SHORT_BITS)] ?? 0;
    const size = entry & 0xff;
    const length = (entry >>> 8) + size;
    if (entry === 0 || length > SHORT_BITS) return 0;
    const value = (bits >>> (SHORT_BITS - length)) & ((1 << size) - 1);
    return (extended(value, size) << 8) | length;
  });
}

/** T.81 table H.1; sums wrap at 16 bits where the result is stored. */
function predicted(
  samples: Uint16Array,
  at: number,
  columns: number,
  column: number,
  isFirstRow: boolean,
  predictor: number,
): number {
  if (isFirstRow) return samples[at - 1] as number;
  const above = samples[at - columns] as number;
  if (column === 0) return above;
  const left = samples[at - 1] as number;
  switch (predictor) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return samples[at - columns - 1] as number;
    case 4:
      return left + above - (samples[at - columns - 1] as number);
    case 5:
      return left + ((above - (samples[at - columns - 1] as number)) >> 1);
    case 6:
      return above + ((left - (samples[at - columns - 1] as number)) >> 1);
    default:
      return (left + above) >> 1;
  }
}

function damaged(subject: string, what: string): PipelineError {
  return new PipelineError("InputUnreadable", `${subject} has a damaged JPEG frame: ${what}`);
}
