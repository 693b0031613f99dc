import { PipelineError } from "#src/core/errors.js";
import { type HuffmanTable, JpegBits } from "./jpeg-huffman.js";
import { inverseDct } from "./jpeg-idct.js";
import type { JpegFile, JpegFrame, JpegScan } from "./jpeg-markers.js";
import { upsampled } from "./jpeg-upsample.js";

/** Place in an 8 x 8 block of each coefficient in zig-zag order. */
const ZIGZAG = Uint8Array.from([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
  55, 62, 63,
]);

/** Coefficients of a component, block after block, padded to whole units of all components together. */
interface Plane {
  readonly h: number;
  readonly v: number;
  /** Blocks across, with padding. */
  readonly across: number;
  /** Blocks that hold samples of the image: what a scan of this component alone goes over. */
  readonly ownAcross: number;
  readonly ownDown: number;
  readonly coefficients: Int32Array;
  predicted: number;
}

/**
 * Samples of a sequential or progressive JPEG of 8 or 12 bits (ITU-T T.81 annexes F and G), one array a component.
 * Components with fewer samples than the first are brought to its size as libjpeg does.
 *
 * @throws {PipelineError} InputUnreadable when codes are missing or make no sense
 */
export function decodeDct(file: JpegFile, subject: string): Uint16Array[] {
  const { frame, scans, quantisation } = file;
  if (frame.precision !== 8 && frame.precision !== 12) throw damaged(subject, `${frame.precision} bits a sample`);
  const hMax = Math.max(...frame.components.map(({ h }) => h));
  const vMax = Math.max(...frame.components.map(({ v }) => v));
  const unitsAcross = Math.ceil(frame.columns / (8 * hMax));
  const unitsDown = Math.ceil(frame.rows / (8 * vMax));
  const planes = frame.components.map(({ h, v }): Plane => {
    const across = unitsAcross * h;
    return {
      h,
      v,
      across,
      ownAcross: Math.ceil(Math.ceil((frame.columns * h) / hMax) / 8),
      ownDown: Math.ceil(Math.ceil((frame.rows * v) / vMax) / 8),
      coefficients: new Int32Array(across * unitsDown * v * 64),
      predicted: 0,
    };
  });
  for (const scan of scans) decodeScan(scan, frame, planes, unitsAcross, unitsDown, subject);
  return planes.map((plane, n) => {
    const table = quantisation[frame.components[n]?.quantisation ?? 0];
    if (table === undefined) throw damaged(subject, "a component without its quantisation table");
    return samplesOf(plane, table, frame, hMax, vMax);
  });
}

function decodeScan(
  scan: JpegScan,
  frame: JpegFrame,
  planes: readonly Plane[],
  unitsAcross: number,
  unitsDown: number,
  subject: string,
): void {
  const bits = new JpegBits(scan.data);
  const decode = blockDecoder(scan, frame, bits, subject);
  const parts = scan.components.map(({ component, dc, ac }) => {
    const plane = planes[component];
    if (plane === undefined) throw damaged(subject, "a scan of a component that is not there");
    return { plane, dc: scan.dcTables[dc], ac: scan.acTables[ac] };
  });
  const [only] = parts;
  const isAlone = parts.length === 1 && only !== undefined;
  const units = isAlone ? only.plane.ownAcross * only.plane.ownDown : unitsAcross * unitsDown;
  const restart = () => {
    bits.restart();
    decode.reset();
    for (const plane of planes) plane.predicted = 0;
  };
  for (const plane of planes) plane.predicted = 0;
  for (let unit = 0; unit < units; unit++) {
    if (scan.restartInterval > 0 && unit > 0 && unit % scan.restartInterval === 0) restart();
    if (isAlone) {
      const { plane, dc, ac } = only;
      const row = Math.floor(unit / plane.ownAcross);
      decode.block(plane, 64 * (row * plane.across + (unit % plane.ownAcross)), dc, ac);
    } else {
      const row = Math.floor(unit / unitsAcross);
      const column = unit % unitsAcross;
      for (const { plane, dc, ac } of parts) {
        for (let v = 0; v < plane.v; v++) {
          for (let h = 0; h < plane.h; h++) {
            decode.block(plane, 64 * ((row * plane.v + v) * plane.across + column * plane.h + h), dc, ac);
          }
        }
      }
    }
    if (bits.missing > 0) throw damaged(subject, `it ends in unit ${unit} of ${units}`);
  }
}

interface BlockDecoder {
  block(plane: Plane, at: number, dc: HuffmanTable | undefined, ac: HuffmanTable | undefined): void;
  reset(): void;
}

function blockDecoder(scan: JpegScan, frame: JpegFrame, bits: JpegBits, subject: string): BlockDecoder {
  const { spectralStart, spectralEnd, high, low } = scan;
  const isProgressive = frame.process === "progressive";
  if (isProgressive && (spectralEnd > 63 || spectralStart > spectralEnd || low > 13)) {
    throw damaged(subject, `a scan of coefficients ${spectralStart} to ${spectralEnd}`);
  }
  let endOfBand = 0;
  const symbol = (table: HuffmanTable | undefined): number => {
    const found = table === undefined ? -1 : bits.symbol(table);
    if (found < 0) throw damaged(subject, "a code that its table has not");
    return found;
  };
  const dcDifference = (plane: Plane, table: HuffmanTable | undefined): number => {
    const size = symbol(table);
    if (size > 16) throw damaged(subject, `a difference of ${size} bits`);
    plane.predicted += size === 0 ? 0 : bits.difference(size);
    return plane.predicted;
  };

  function sequential({ coefficients }: Plane, at: number, ac: HuffmanTable | undefined): void {
    for (let k = 1; k < 64; k++) {
      const found = symbol(ac);
      const size = found & 15;
      if (size === 0) {
        if (found >> 4 < 15) return;
        k += 15;
        continue;
      }
      k += found >> 4;
      if (k > 63) throw damaged(subject, "a run beyond its block");
      coefficients[at + (ZIGZAG[k] as number)] = bits.difference(size);
    }
  }

  function acFirst({ coefficients }: Plane, at: number, ac: HuffmanTable | undefined): void {
    if (endOfBand > 0) {
      endOfBand--;
      return;
    }
    for (let k = spectralStart; k <= spectralEnd; k++) {
      const found = symbol(ac);
      const size = found & 15;
      const run = found >> 4;
      if (size === 0) {
        if (run < 15) {
          endOfBand = (1 << run) - 1 + bits.bits(run);
          return;
        }
        k += 15;
        continue;
      }
      k += run;
      if (k > 63) throw damaged(subject, "a run beyond its block");
      coefficients[at + (ZIGZAG[k] as number)] = bits.difference(size) * (1 << low);
    }
  }

  function acRefine({ coefficients }: Plane, at: number, ac: HuffmanTable | undefined): void {
    const step = 1 << low;
    const correct = (place: number): void => {
      const value = coefficients[place] as number;
      if (bits.bits(1) === 1 && (Math.abs(value) & step) === 0)
        coefficients[place] = value + (value > 0 ? step : -step);
    };
    let k = spectralStart;
    if (endOfBand === 0) {
      for (; k <= spectralEnd; k++) {
        const found = symbol(ac);
        let run = found >> 4;
        let value = 0;
        if ((found & 15) === 0) {
          if (run < 15) {
            endOfBand = (1 << run) + bits.bits(run);
            break;
          }
        } else value = bits.bits(1) === 1 ? step : -step;
        // The new coefficient comes after `run` that are still zero; those on the way that are not get their next bit.
        for (; k <= spectralEnd; k++) {
          const place = at + (ZIGZAG[k] as number);
          if (coefficients[place] !== 0) correct(place);
          else if (run-- === 0) {
            if (value !== 0) coefficients[place] = value;
            break;
          }
        }
      }
    }
    if (endOfBand > 0) {
      for (; k <= spectralEnd; k++) {
        const place = at + (ZIGZAG[k] as number);
        if (coefficients[place] !== 0) correct(place);
      }
      endOfBand--;
    }
  }

  return {
    reset: () => {
      endOfBand = 0;
    },
    block(plane, at, dc, ac) {
      if (!isProgressive) {
        plane.coefficients[at] = dcDifference(plane, dc);
        sequential(plane, at, ac);
      } else if (spectralStart === 0) {
        if (high === 0) plane.coefficients[at] = dcDifference(plane, dc) * (1 << low);
        else if (bits.bits(1) === 1) plane.coefficients[at] = (plane.coefficients[at] as number) | (1 << low);
      } else if (high === 0) acFirst(plane, at, ac);
      else acRefine(plane, at, ac);
    },
  };
}

function samplesOf(plane: Plane, table: Uint16Array, frame: JpegFrame, hMax: number, vMax: number): Uint16Array {
  const stride = plane.across * 8;
  const { coefficients } = plane;
  const blocks = coefficients.length / 64;
  const decoded = new Uint16Array(coefficients.length);
  const factors = new Int32Array(64);
  for (let k = 0; k < 64; k++) factors[ZIGZAG[k] as number] = table[k] ?? 0;
  for (let block = 0; block < blocks; block++) {
    const from = block * 64;
    const to = Math.floor(block / plane.across) * 8 * stride + (block % plane.across) * 8;
    inverseDct(coefficients, from, factors, frame.precision, decoded, to, stride);
  }
  const own = {
    samples: decoded,
    stride,
    rows: Math.ceil((frame.rows * plane.v) / vMax),
    columns: Math.ceil((frame.columns * plane.h) / hMax),
  };
  return upsampled(own, frame.rows, frame.columns, hMax / plane.h, vMax / plane.v);
}

function damaged(subject: string, what: string): PipelineError {
  return new PipelineError("InputUnreadable", `${subject} has a damaged JPEG frame: ${what}`);
}
