/** How the rows of an unpacked strip or tile are laid out. */
export interface PredictedRows {
  /** Samples of a row. */
  readonly samples: number;
  /** How far apart the samples are of which one is the difference from the other: samples of a pixel. */
  readonly apart: number;
  /** Bits of each sample of a pixel. */
  readonly bits: readonly number[];
  readonly isLittleEndian: boolean;
}

/**
 * Undoes in place what was done to rows before they were packed: differences between neighbours (2; TIFF 6.0, section
 * 14), or the bytes of real numbers sorted by their weight and then differences (3; Adobe Photoshop TIFF Technical Note
 * 3). Samples are left in the file's byte order.
 *
 * @throws {RangeError} for another predictor, or samples that it is not for
 */
export function undoPredictor(block: Uint8Array, predictor: number, rows: PredictedRows): void {
  if (predictor === 1) return;
  const [bits = 0] = rows.bits;
  const undo = predictor === 3 ? undoFloat : predictor === 2 ? WHOLE[bits] : undefined;
  if (undo === undefined || bits % 8 !== 0 || rows.bits.some((other) => other !== bits)) {
    throw new RangeError(`no predictor ${predictor} for samples of ${rows.bits.join(", ")} bits`);
  }
  const length = (rows.samples * bits) / 8;
  // The last strip may be shorter.
  for (let at = 0; at + length <= block.length; at += length) undo(block.subarray(at, at + length), rows, bits / 8);
}

type Undo = (row: Uint8Array, rows: PredictedRows, bytes: number) => void;

const undo8: Undo = (row, { apart }) => {
  for (let i = apart; i < row.length; i++) row[i] = (row[i] as number) + (row[i - apart] as number);
};

const undo16: Undo = (row, { apart, isLittleEndian }) => {
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  for (let i = apart; i < row.length / 2; i++) {
    const sum = view.getUint16(2 * i, isLittleEndian) + view.getUint16(2 * (i - apart), isLittleEndian);
    view.setUint16(2 * i, sum, isLittleEndian);
  }
};

const undo32: Undo = (row, { apart, isLittleEndian }) => {
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  for (let i = apart; i < row.length / 4; i++) {
    const sum = view.getUint32(4 * i, isLittleEndian) + view.getUint32(4 * (i - apart), isLittleEndian);
    view.setUint32(4 * i, sum, isLittleEndian);
  }
};

const WHOLE: Readonly<Record<number, Undo>> = { 8: undo8, 16: undo16, 32: undo32 };

/** The heaviest bytes of all samples come first, whatever the file's byte order. */
const undoFloat: Undo = (row, rows, bytes) => {
  undo8(row, rows, 1);
  const planes = row.slice();
  const count = row.length / bytes;
  for (let i = 0; i < count; i++) {
    for (let b = 0; b < bytes; b++) {
      const weight = rows.isLittleEndian ? bytes - 1 - b : b;
      row[bytes * i + b] = planes[weight * count + i] as number;
    }
  }
};
