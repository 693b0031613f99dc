import type { DataSet } from "dicom-parser";
import { COLOUR_SHARES, type ColourChannel } from "#src/core/colour-channels.js";
import { PipelineError } from "#src/core/errors.js";
import { type DicomFile, numbersOf, textOf } from "./dicom-file.js";

/** How stored values are laid out and turned into real ones. */
export interface PixelFormat {
  readonly rows: number;
  readonly columns: number;
  /** Element that holds them: integers, or floating-point numbers of 32 or 64 bits. */
  readonly element: "x7fe00010" | "x7fe00008" | "x7fe00009";
  readonly bitsAllocated: 1 | 8 | 16 | 32 | 64;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
  /** Samples a pixel. */
  readonly samples: 1 | 3;
  /**
   * How a pixel becomes one number. "grey": its sample. "rgb": three samples by their shares. "ybr": the same, stored
   * as luminance and two differences of colour. "ybr422": as that, uncompressed pairs of pixels sharing four samples.
   * "palette": what a table gives the sample.
   */
  readonly colour: "grey" | "rgb" | "ybr" | "ybr422" | "palette";
  /** MONOCHROME1: small values are bright. They are kept. */
  readonly isInverted: boolean;
  /** Shares of red, green and blue in that number. */
  readonly shares: readonly [number, number, number];
  /** Whether the samples of uncompressed pixels stand beside each other, or each component is a plane of its own. */
  readonly isInterleaved: boolean;
  /** A table that stored values are looked up in before slope and intercept: a palette, or a modality LUT. */
  readonly table: PixelTable | null;
  readonly slope: number;
  readonly intercept: number;
}

/** Bits of a sample, by the element that holds them. */
const BITS_ALLOCATED: Readonly<Record<PixelFormat["element"], readonly PixelFormat["bitsAllocated"][]>> = {
  x7fe00010: [1, 8, 16, 32],
  x7fe00008: [32],
  x7fe00009: [64],
};

/** Values beyond its ends get its first or last entry. */
export interface PixelTable {
  readonly first: number;
  readonly values: Float32Array;
}

/**
 * Reads how a data set stores its pixels.
 *
 * A modality LUT stands for slope and intercept where there is one. Padding values are values like any other. Of
 * MONOCHROME1 (small is bright) the values are kept: they are what was measured.
 *
 * @param transformation the data set that holds slope and intercept: the frame's own, or the root
 * @param channel what is read of a colour image
 * @throws {PipelineError} InputUnreadable for numbers that make no sense, InputUnsupported for a layout not listed here
 */
export function readPixelFormat(
  { dataSet }: DicomFile,
  transformation: DataSet,
  subject: string,
  channel: ColourChannel = "brightness",
): PixelFormat {
  const rows = dataSet.uint16("x00280010") ?? 0;
  const columns = dataSet.uint16("x00280011") ?? 0;
  if (rows < 1 || columns < 1)
    throw unreadable(`${subject} is an image of ${columns} x ${rows} pixels, expected 1 or more`);
  const element = elementOf(dataSet);
  const saysBits = dataSet.uint16("x00280100") ?? 0;
  const bitsAllocated = BITS_ALLOCATED[element].find((bits) => bits === saysBits);
  if (bitsAllocated === undefined) {
    throw unsupported(`${subject} has ${saysBits} bits a pixel, expected ${BITS_ALLOCATED[element].join(", ")}`);
  }
  const bitsStored = dataSet.uint16("x00280101") ?? bitsAllocated;
  // Where all bits are stored there is but one place for them.
  const highBit = bitsStored === bitsAllocated ? bitsStored - 1 : (dataSet.uint16("x00280102") ?? bitsStored - 1);
  const isInteger = element === "x7fe00010";
  if (
    isInteger &&
    (bitsStored < 1 || bitsStored > bitsAllocated || highBit < bitsStored - 1 || highBit >= bitsAllocated)
  ) {
    throw unreadable(
      `${subject} keeps ${bitsStored} bits up to bit ${highBit} in pixels of ${bitsAllocated}, expected them to fit`,
    );
  }
  const isSigned = dataSet.uint16("x00280103") === 1;
  const shares = COLOUR_SHARES[channel];
  const { colour, samples } = colourOf(dataSet, subject);
  if (samples === 3 && (bitsAllocated === 1 || !isInteger || (bitsAllocated === 32 && colour !== "rgb"))) {
    throw unsupported(`${subject} has colour of ${bitsAllocated} bits a sample, expected 8, 16, or 32 of RGB`);
  }
  const modalityTable = colour === "grey" && isInteger ? modalityLut(dataSet, isSigned, subject) : null;
  const slope = numbersOf(transformation, "x00281053", 1)?.[0];
  const intercept = numbersOf(transformation, "x00281052", 1)?.[0];
  const isRescaled = colour === "grey" && modalityTable === null;
  return {
    rows,
    columns,
    element,
    bitsAllocated,
    bitsStored,
    highBit,
    isSigned,
    samples,
    colour,
    isInverted: textOf(dataSet, "x00280004") === "MONOCHROME1",
    shares,
    isInterleaved: dataSet.uint16("x00280006") !== 1,
    table: colour === "palette" ? palette(dataSet, isSigned, shares, subject) : modalityTable,
    // A slope of 0 would erase the image: it stands for "not set".
    slope: !isRescaled || slope === undefined || slope === 0 ? 1 : slope,
    intercept: isRescaled ? (intercept ?? 0) : 0,
  };
}

function elementOf(dataSet: DataSet): PixelFormat["element"] {
  if (dataSet.elements.x7fe00010 !== undefined) return "x7fe00010";
  return dataSet.elements.x7fe00008 !== undefined ? "x7fe00008" : "x7fe00009";
}

const COLOURS: Readonly<Record<string, { readonly colour: PixelFormat["colour"]; readonly samples: 1 | 3 }>> = {
  MONOCHROME1: { colour: "grey", samples: 1 },
  MONOCHROME2: { colour: "grey", samples: 1 },
  "PALETTE COLOR": { colour: "palette", samples: 1 },
  RGB: { colour: "rgb", samples: 3 },
  YBR_FULL: { colour: "ybr", samples: 3 },
  YBR_FULL_422: { colour: "ybr422", samples: 3 },
  // What these are once they are decoded.
  YBR_RCT: { colour: "rgb", samples: 3 },
  YBR_ICT: { colour: "rgb", samples: 3 },
};

function colourOf(dataSet: DataSet, subject: string): (typeof COLOURS)[string] {
  const samples = dataSet.uint16("x00280002") ?? 1;
  const name = textOf(dataSet, "x00280004") ?? (samples === 1 ? "MONOCHROME2" : "RGB");
  const found = COLOURS[name];
  if (found !== undefined && found.samples === samples) return found;
  const kind = found === undefined ? "an unknown colour space" : name;
  throw unsupported(
    `${subject} has ${samples} samples a pixel of ${kind}, expected ${Object.keys(COLOURS).join(", ")}`,
  );
}

/** Each entry of the three tables of a palette (PS3.3 C.7.6.3.1.5) as one number, in the tables' own units. */
function palette(dataSet: DataSet, isSigned: boolean, shares: PixelFormat["shares"], subject: string): PixelTable {
  const tables = ["1", "2", "3"].map((n) => lut(dataSet, `x0028110${n}`, `x0028120${n}`, isSigned, subject));
  const [red, green, blue] = tables;
  if (
    !red ||
    !green ||
    !blue ||
    red.values.length !== green.values.length ||
    red.values.length !== blue.values.length
  ) {
    throw unsupported(`${subject} has a palette that is segmented or not whole, expected three tables of one length`);
  }
  const values = red.values.map(
    (r, i) => shares[0] * r + shares[1] * (green.values[i] ?? 0) + shares[2] * (blue.values[i] ?? 0),
  );
  return { first: red.first, values };
}

function modalityLut(dataSet: DataSet, isSigned: boolean, subject: string): PixelTable | null {
  const item = dataSet.elements.x00283000?.items?.[0]?.dataSet;
  return item === undefined ? null : lut(item, "x00283002", "x00283006", isSigned, subject);
}

/** A look-up table by its descriptor (entries, first value mapped, bits) and data; null where there is none. */
function lut(
  dataSet: DataSet,
  descriptor: string,
  data: string,
  isSigned: boolean,
  subject: string,
): PixelTable | null {
  const element = dataSet.elements[data];
  const entries = dataSet.uint16(descriptor, 0);
  const bits = dataSet.uint16(descriptor, 2);
  if (element === undefined || entries === undefined || bits === undefined) return null;
  const count = entries === 0 ? 65_536 : entries;
  const first = (isSigned ? dataSet.int16(descriptor, 1) : dataSet.uint16(descriptor, 1)) ?? 0;
  const isBytes = element.length < 2 * count;
  if (element.length < count) {
    throw unreadable(`${subject} has a look-up table of ${element.length} bytes, expected ${count} entries`);
  }
  const values = Float32Array.from({ length: count }, (_, i) =>
    isBytes ? (dataSet.byteArray[element.dataOffset + i] ?? 0) : (dataSet.uint16(data, i) ?? 0),
  );
  return { first, values };
}

function unsupported(message: string): PipelineError {
  return new PipelineError("InputUnsupported", message);
}

function unreadable(message: string): PipelineError {
  return new PipelineError("InputUnreadable", message);
}
