import { PipelineError } from "#src/core/errors.js";
import { JpegBits } from "./jpeg-huffman.js";
import type { JpegFile, JpegScan } from "./jpeg-markers.js";

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
  for (const scan of scans) decodeScan(scan, frame.precision, frame.rows, frame.columns, out, subject);
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
    if (bits.missing > 4) throw damaged(subject, `it ends in row ${row} of ${rows}`);
    isFirstRow = false;
  }
  if (scan.low > 0)
    for (const { samples } of parts)
      for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] ?? 0) << scan.low;
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
