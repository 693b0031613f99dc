import { type DicomFile, textOf } from "./dicom-file.js";
import type { PixelFormat } from "./pixel-format.js";

/** What was lost of pixels: ratio and method of each compression, in their order; empty where nobody says. */
export interface LossyCompression {
  readonly ratios: readonly string[];
  readonly methods: readonly string[];
}

/** Methods (PS3.3 C.7.6.1.1.5.1) of transfer syntaxes that lose, those that may do without among them. */
const METHODS: ReadonlyMap<string, { readonly method: string; readonly always: boolean }> = new Map([
  ["1.2.840.10008.1.2.4.50", { method: "ISO_10918_1", always: true }],
  ["1.2.840.10008.1.2.4.51", { method: "ISO_10918_1", always: true }],
  ["1.2.840.10008.1.2.4.53", { method: "ISO_10918_1", always: true }],
  ["1.2.840.10008.1.2.4.55", { method: "ISO_10918_1", always: true }],
  ["1.2.840.10008.1.2.4.81", { method: "ISO_14495_1", always: true }],
  ["1.2.840.10008.1.2.4.91", { method: "ISO_15444_1", always: false }],
  ["1.2.840.10008.1.2.4.203", { method: "ISO_15444_15", always: false }],
]);
/** Compressions of one image: real ones have had one or two. */
const MAX_VALUES = 16;

/**
 * Whether the pixels of a file were compressed with a loss, now or before: by Lossy Image Compression (0028,2110), or
 * by a transfer syntax that loses; one that may do without does unless the header says so.
 */
export function lossyCompression(file: DicomFile, pixels: PixelFormat, frames: number): LossyCompression | null {
  const { dataSet, transferSyntaxUid } = file;
  const says = textOf(dataSet, "x00282110");
  const syntax = METHODS.get(transferSyntaxUid);
  if (says !== "01" && (syntax === undefined || (says === "00" && !syntax.always))) return null;
  const ratios = valuesOf(file, "x00282112").filter((value) => Number(value) > 0 && value.length <= 16);
  const methods = valuesOf(file, "x00282114").filter((value) => /^[A-Z0-9_ ]{1,16}$/.test(value));
  const stream = dataSet.elements[pixels.element];
  if (syntax === undefined) return { ratios, methods };
  // Each attribute that the file forgot by itself: the transfer syntax tells how pixels were lost, what it holds how much.
  const said = methods.length > 0 ? methods : [syntax.method];
  if (stream === undefined || ratios.length > 0) return { ratios, methods: said };
  const whole = (pixels.rows * pixels.columns * pixels.samples * pixels.bitsAllocated * frames) / 8;
  const packed = Math.max(1, dataSet.byteArray.length - stream.dataOffset);
  return { ratios: [String(Number((whole / packed).toFixed(2)) || 1)], methods: said };
}

function valuesOf({ dataSet }: DicomFile, tag: string): string[] {
  const values = (textOf(dataSet, tag) ?? "").split("\\").slice(0, MAX_VALUES);
  return values.map((value) => value.trim()).filter((value) => value !== "");
}
