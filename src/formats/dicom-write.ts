/** One element as DICOM JSON (PS3.18 F) has it, with bytes as the one value of OB and OW. */
export interface DicomElement {
  readonly vr: string;
  readonly Value?: readonly unknown[];
}
/** Elements by tag: eight hexadecimal digits, upper case. */
export type DicomElements = Readonly<Record<string, DicomElement>>;

const IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2";
const EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1";
const RLE_LOSSLESS = "1.2.840.10008.1.2.5";
/** Names this writer in file meta information; a fixed UID of our own (PS3.5 B.2). */
const IMPLEMENTATION_UID = "2.25.229173218046510842693571043682359471234";

/** Values of these have a length field of four bytes (PS3.5 7.1.2). */
const LONG = new Set(["OB", "OW", "OD", "OF", "OL", "SQ", "UC", "UR", "UT", "UN"]);

/** How elements are written: implicit VR leaves out their VR and gives every length four bytes (PS3.5 7.1.3). */
type Encoding = "explicit" | "implicit";

/** What a file is beside its elements. */
interface FileOptions {
  /** Pixel data compressed in RLE, one part of even length a frame, in explicit VR; else pixel data is an element. */
  readonly rleFrames?: readonly Uint8Array[];
  /** @default "explicit" */
  readonly encoding?: Encoding;
}

/**
 * A DICOM file in little endian: elements sorted by tag, text in UTF-8, sequences with their lengths. Written by hand
 * since dcmjs prints values it finds too long (patient data among them) to the console and takes 100 ms to load.
 *
 * @throws {TypeError} for a value that its VR cannot hold
 */
export function writeDicomFile(
  elements: DicomElements,
  { rleFrames, encoding = "explicit" }: FileOptions = {},
): Uint8Array {
  const syntax = encoding === "implicit" ? IMPLICIT_LITTLE_ENDIAN : EXPLICIT_LITTLE_ENDIAN;
  const meta: DicomElements = {
    "00020001": { vr: "OB", Value: [Uint8Array.of(0, 1)] },
    "00020002": { vr: "UI", Value: elements["00080016"]?.Value ?? [] },
    "00020003": { vr: "UI", Value: elements["00080018"]?.Value ?? [] },
    "00020010": { vr: "UI", Value: [rleFrames === undefined ? syntax : RLE_LOSSLESS] },
    "00020012": { vr: "UI", Value: [IMPLEMENTATION_UID] },
    "00020013": { vr: "SH", Value: ["SCANLANE"] },
  };
  const metaBytes = concat(encodeElements(meta, "explicit"));
  const length = encodeElements({ "00020000": { vr: "UL", Value: [metaBytes.length] } }, "explicit");
  const preamble = new Uint8Array(132);
  preamble.set(new TextEncoder().encode("DICM"), 128);
  const body = encodeElements(elements, encoding);
  if (rleFrames !== undefined) body.push(...encapsulated(rleFrames));
  return concat([preamble, ...length, metaBytes, ...body]);
}

/** Pixel data of undefined length: a basic offset table, then each frame in an item of its own (PS3.5 A.4). */
function encapsulated(frames: readonly Uint8Array[]): Uint8Array[] {
  const table = new DataView(new ArrayBuffer(4 * frames.length));
  let offset = 0;
  for (const [f, frame] of frames.entries()) {
    table.setUint32(4 * f, offset, true);
    offset += 8 + frame.length;
  }
  const start = new DataView(new ArrayBuffer(12));
  putTag(start, 0, "7FE00010");
  start.setUint16(4, 0x424f, true);
  start.setUint32(8, 0xffff_ffff, true);
  const items = [new Uint8Array(table.buffer), ...frames].flatMap((bytes) => [
    itemHeader("FFFEE000", bytes.length),
    bytes,
  ]);
  return [new Uint8Array(start.buffer), ...items, itemHeader("FFFEE0DD", 0)];
}

/** Tag and length: of an item, and of an element in implicit VR. */
function itemHeader(tag: string, length: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(8));
  putTag(header, 0, tag);
  header.setUint32(4, length, true);
  return new Uint8Array(header.buffer);
}

/** A decimal string (DS): the shortest text that reads back as the same number, or the nearest of 16 characters. */
export function decimalString(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`a decimal string cannot hold ${value}`);
  const plain = String(value);
  if (plain.length <= 16) return plain;
  for (let digits = 15; digits > 0; digits--) {
    const shorter = String(Number(value.toPrecision(digits)));
    if (shorter.length <= 16) return shorter;
  }
  throw new TypeError(`a decimal string cannot hold ${value}`);
}

function encodeElements(elements: DicomElements, encoding: Encoding): Uint8Array[] {
  const tags = Object.keys(elements).sort();
  return tags.flatMap((tag) => {
    const element = elements[tag];
    return element === undefined ? [] : encodeElement(tag, element, encoding);
  });
}

function encodeElement(tag: string, { vr, Value }: DicomElement, encoding: Encoding): Uint8Array[] {
  const body = vr === "SQ" ? encodeItems(Value ?? [], encoding) : [encodeValue(tag, vr, Value ?? [])];
  const length = body.reduce((sum, part) => sum + part.length, 0);
  const isLong = encoding === "implicit" || LONG.has(vr);
  // All ones would be an undefined length.
  if (length >= (isLong ? 0xffff_ffff : 0x1_0000)) {
    throw new TypeError(`element ${tag} of VR ${vr} cannot hold ${length} bytes`);
  }
  return [elementHeader(tag, vr, length, encoding), ...body];
}

function elementHeader(tag: string, vr: string, length: number, encoding: Encoding): Uint8Array {
  if (encoding === "implicit") return itemHeader(tag, length);
  const isLong = LONG.has(vr);
  const header = new DataView(new ArrayBuffer(isLong ? 12 : 8));
  putTag(header, 0, tag);
  header.setUint8(4, vr.charCodeAt(0));
  header.setUint8(5, vr.charCodeAt(1));
  if (isLong) header.setUint32(8, length, true);
  else header.setUint16(6, length, true);
  return new Uint8Array(header.buffer);
}

function encodeItems(items: readonly unknown[], encoding: Encoding): Uint8Array[] {
  return items.flatMap((item) => {
    const body = encodeElements(item as DicomElements, encoding);
    const length = body.reduce((sum, part) => sum + part.length, 0);
    return [itemHeader("FFFEE000", length), ...body];
  });
}

function encodeValue(tag: string, vr: string, values: readonly unknown[]): Uint8Array {
  switch (vr) {
    case "OB":
    case "OW": {
      const bytes = values[0] ?? new Uint8Array(0);
      if (!(bytes instanceof Uint8Array)) throw new TypeError(`element ${tag} of VR ${vr} needs bytes`);
      return padded(bytes, 0);
    }
    case "US":
      return numbers(values, 2, (view, at, value) => view.setUint16(at, value, true));
    case "UL":
      return numbers(values, 4, (view, at, value) => view.setUint32(at, value, true));
    case "FD":
      return numbers(values, 8, (view, at, value) => view.setFloat64(at, value, true));
    case "AT": {
      const view = new DataView(new ArrayBuffer(4 * values.length));
      for (const [i, value] of values.entries()) putTag(view, 4 * i, String(value));
      return new Uint8Array(view.buffer);
    }
    default: {
      const text = values.map((value) => textOf(tag, vr, value)).join("\\");
      return padded(new TextEncoder().encode(text), vr === "UI" ? 0 : 0x20);
    }
  }
}

function textOf(tag: string, vr: string, value: unknown): string {
  if (value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number") return vr === "DS" ? decimalString(value) : String(value);
  if (vr === "PN" && typeof value === "object") {
    const groups = value as { Alphabetic?: string; Ideographic?: string; Phonetic?: string };
    return [groups.Alphabetic, groups.Ideographic, groups.Phonetic]
      .map((group) => group ?? "")
      .join("=")
      .replace(/=+$/, "");
  }
  throw new TypeError(`element ${tag} of VR ${vr} cannot hold a ${typeof value}`);
}

function numbers(
  values: readonly unknown[],
  width: number,
  put: (view: DataView, at: number, value: number) => void,
): Uint8Array {
  const view = new DataView(new ArrayBuffer(width * values.length));
  for (const [i, value] of values.entries()) put(view, width * i, Number(value));
  return new Uint8Array(view.buffer);
}

function putTag(view: DataView, at: number, tag: string): void {
  view.setUint16(at, Number.parseInt(tag.slice(0, 4), 16), true);
  view.setUint16(at + 2, Number.parseInt(tag.slice(4), 16), true);
}

function padded(bytes: Uint8Array, pad: number): Uint8Array {
  if (bytes.length % 2 === 0) return bytes;
  const even = new Uint8Array(bytes.length + 1).fill(pad);
  even.set(bytes);
  return even;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
