import { deflateRawSync } from "node:zlib";
import { buildDicom, SYNTAX, withoutPreamble } from "./dicom-builder.js";

const SOP_CLASS = { "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.4"] } };
const PLAIN = buildDicom(SOP_CLASS);
const DEFLATED = buildDicom(SOP_CLASS, SYNTAX.deflated);
/** File meta information alone, of a file whose data set begins at the same byte. */
const META = Buffer.from(PLAIN.subarray(0, PLAIN.length - withoutPreamble(PLAIN).length));
const DATA = Buffer.from(withoutPreamble(PLAIN));

const u16 = (...values: number[]) => Buffer.from(Uint16Array.from(values).buffer);
const u32 = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
const text = (value: string) => Buffer.from(value, "latin1");

/** Empty elements outside of sequences. */
const elements = (count: number) => repeated([...u16(0x0041, 0x0010), ...text("SH"), ...u16(0)], count);
/** A sequence of empty items. */
function items(count: number): Buffer {
  const empty = emptyItems(count);
  return Buffer.concat([u16(0x5200, 0x9230), text("SQ"), u16(0), u32(empty.length), empty]);
}

/** The same of an unknown VR. With a length it would be skipped. */
function unknown(count: number): Buffer {
  const end = [u16(0xfffe, 0xe0dd), u32(0)];
  return Buffer.concat([u16(0x5200, 0x9230), text("UN"), u16(0), u32(0xffffffff), emptyItems(count), ...end]);
}

const emptyItems = (count: number) => repeated([...u16(0xfffe, 0xe000), ...u32(0)], count);

function repeated(bytes: readonly number[], count: number): Buffer {
  return Buffer.alloc(bytes.length * count, Buffer.from(bytes));
}

/** What the many are. */
const WHAT = { elements, items, unknown };
export type BombKind = keyof typeof WHAT;

/** An element that stops who walks over headers by the book, and not a parser. */
const ODD_VR = Buffer.concat([u16(0x0008, 0x0018), text("xx"), u16(4), text("1.2\0")]);
/** Of undefined length and no sequence: up to the next end of an item. */
const ENDLESS = Buffer.concat([
  ...[u16(0x0009, 0x1001), text("OB"), u16(0), u32(0xffffffff), u16(1, 2)],
  ...[u16(0xfffe, 0xe00d), u32(0)],
]);

/** Where the many may be. */
export const PLACES: Readonly<Record<string, (many: Buffer) => Uint8Array>> = {
  "after other elements": (many) => Buffer.concat([META, DATA, many]),
  "without preamble and file meta information": (many) => Buffer.concat([DATA, many]),
  deflated: (many) => {
    const meta = DEFLATED.subarray(0, DEFLATED.length - withoutPreamble(DEFLATED).length);
    return Buffer.concat([meta, deflateRawSync(Buffer.concat([DATA, many]))]);
  },
  "after a VR that is no VR": (many) => Buffer.concat([META, DATA, ODD_VR, many]),
  "after an element without a length": (many) => Buffer.concat([META, DATA, ENDLESS, many]),
  "behind a false length of the file meta information": (many) => {
    const meta = Buffer.from(META);
    meta.writeUInt32LE(0x7fffff00, 140);
    return Buffer.concat([meta, DATA, many]);
  },
  "in the file meta information": (many) => {
    const moved = Buffer.from(many);
    // As elements of group 2.
    if (moved.readUInt16LE(0) === 0x5200) moved.writeUInt16LE(2, 0);
    else for (let at = 0; at < moved.length; at += 8) moved.writeUInt16LE(2, at);
    return Buffer.concat([META, moved, DATA]);
  },
};

/** A file whose header holds nothing, many times over. */
export function headerBomb(place: string, kind: BombKind, count: number): Uint8Array {
  const put = PLACES[place];
  if (put === undefined) throw new RangeError(`no such place: ${place}`);
  return new Uint8Array(put(WHAT[kind](count)));
}
