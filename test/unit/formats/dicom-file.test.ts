import { describe, expect, it } from "vitest";
import { parseDicomFile } from "#src/formats/dicom-file.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { packRle } from "#src/formats/rle-pack.js";
import { buildDicom, type DicomElements, SYNTAX, withoutPreamble } from "../../support/dicom-builder.js";
import { enhancedFile } from "../../support/dicom-shapes.js";
import { headerBomb, PLACES } from "../../support/header-bomb.js";
import { phantomSlice, uploadOf } from "../../support/phantom-series.js";

const SIZE = [6, 5, 3] as const;

async function voxelsOf(bytes: Uint8Array): Promise<number[]> {
  const entries = uploadOf([{ name: "a", bytes }]);
  const { scans } = await findScans(entries);
  const [scan] = scans;
  if (scan === undefined) throw new Error("nothing found");
  return [...(await loadScan(scan, entries)).volume.data];
}

/** Preamble and file meta information of one file, the data set of another. */
function joined(meta: Uint8Array, data: Uint8Array): Uint8Array {
  return Buffer.concat([meta.subarray(0, meta.length - withoutPreamble(meta).length), withoutPreamble(data)]);
}

const slice = (edit: (elements: DicomElements) => void = () => {}) => phantomSlice({ size: SIZE, edit }, 1);

function withoutPixels(elements: DicomElements): void {
  delete elements["7FE00010"];
}

/** An item of encapsulated pixel data (PS3.5 A.4). */
function item(element: number, bytes: Uint8Array): Buffer {
  const header = Buffer.from([0xfe, 0xff, 0, 0, 0, 0, 0, 0]);
  header.writeUInt16LE(element, 2);
  header.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

const PIXELS_IMPLICIT = Buffer.from([0xe0, 0x7f, 0x10, 0, 0xff, 0xff, 0xff, 0xff]);
const PIXELS_EXPLICIT = Buffer.from([0xe0, 0x7f, 0x10, 0, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff]);

function frames(parts: readonly Uint8Array[]): Buffer {
  const none = new Uint8Array();
  return Buffer.concat([item(0xe000, none), ...parts.map((part) => item(0xe000, part)), item(0xe0dd, none)]);
}

/** 16-bit pixels of a slice in RLE: the upper bytes, then the lower ones. */
function packed(elements: DicomElements): Uint8Array {
  const bytes = new Uint8Array(elements["7FE00010"]?.Value?.[0] as ArrayBuffer);
  const planes = [1, 0].map((byte) => bytes.filter((_, i) => i % 2 === byte));
  return packRle(planes, SIZE[0]);
}

describe("a DICOM file", () => {
  const explicit = buildDicom(slice());
  const implicit = buildDicom(slice(), SYNTAX.implicitLittle);

  it.each([
    ["implicit VR that calls itself explicit", joined(explicit, implicit)],
    ["explicit VR that calls itself implicit", joined(implicit, explicit)],
  ])("is read as it is written: %s", async (_, bytes) => {
    expect(await voxelsOf(bytes)).toEqual(await voxelsOf(explicit));
  });

  it("is read with compressed pixels in implicit VR", async () => {
    const meta = buildDicom(slice(), SYNTAX.rle);
    const header = buildDicom(slice(withoutPixels), SYNTAX.implicitLittle);
    const bytes = Buffer.concat([joined(meta, header), PIXELS_IMPLICIT, frames([packed(slice())])]);
    expect(await voxelsOf(bytes)).toEqual(await voxelsOf(explicit));
  });

  it("is read where it has lost its preamble alone", async () => {
    expect(await voxelsOf(explicit.slice(132))).toEqual(await voxelsOf(explicit));
    await expect(voxelsOf(explicit.slice(132, 400))).rejects.toMatchObject({ code: "InputUnreadable" });
  });

  it("is read where it has lost its transfer syntax", async () => {
    const at = Buffer.from(explicit).indexOf(Buffer.from([2, 0, 0x10, 0, 0x55, 0x49]));
    const length = 8 + (explicit[at + 6] ?? 0);
    const bytes = Buffer.concat([explicit.subarray(0, at), explicit.subarray(at + length)]);
    bytes.writeUInt32LE(bytes.readUInt32LE(140) - length, 140);
    expect(await voxelsOf(bytes)).toEqual(await voxelsOf(explicit));
  });

  it("is read with an extended offset table, frame by frame where a frame has several fragments", async () => {
    const order = [{ k: 0 }, { k: 1 }, { k: 2 }];
    const whole = enhancedFile({ size: SIZE }, order);
    const meta = buildDicom(slice(), SYNTAX.rle);
    const header = enhancedFile({ size: SIZE }, order, withoutPixels);
    // Two fragments a frame: only the table tells where one begins.
    const parts = order.flatMap(({ k }) => {
      const stream = packed(phantomSlice({ size: SIZE }, k));
      return [stream.subarray(0, 64), stream.subarray(64)];
    });
    const table = Buffer.alloc(8 * order.length);
    let offset = 0;
    for (const [n, part] of parts.entries()) {
      if (n % 2 === 0) table.writeBigUInt64LE(BigInt(offset), 4 * n);
      offset += 8 + part.length;
    }
    const element = Buffer.from([0xe0, 0x7f, 1, 0, 0x4f, 0x56, 0, 0, table.length, 0, 0, 0]);
    const bytes = Buffer.concat([joined(meta, header), element, table, PIXELS_EXPLICIT, frames(parts)]);
    expect(await voxelsOf(bytes)).toEqual(await voxelsOf(whole));
  });
});

describe("compressed pixels in more fragments than any scan has", () => {
  it("are refused", async () => {
    const header = buildDicom(slice(withoutPixels), SYNTAX.rle);
    const empty = Buffer.alloc(8 * 1_000_001, item(0xe000, new Uint8Array()));
    const bytes = Buffer.concat([header, PIXELS_EXPLICIT, frames([packed(slice())]).subarray(0, -8), empty]);
    await expect(voxelsOf(bytes)).rejects.toMatchObject({ code: "InputUnsafe" });
  });
});

describe("a header of more elements than any scan has", () => {
  it.each(Object.keys(PLACES))("is refused, wherever they are: %s", (place) => {
    const parse = () => parseDicomFile(headerBomb(place, "elements", 30_000), "entry 0");
    expect(parse).toThrow(expect.objectContaining({ code: "InputUnsafe" }));
    expect(parse).toThrow(/^entry 0 has more than 20000 elements in its header/);
  });

  it.each(["items", "unknown"] as const)("is refused for those of its sequences too: %s", (kind) => {
    const bytes = headerBomb("after other elements", kind, 3000);
    expect(() => parseDicomFile(bytes, "entry 0", 3000)).toThrow(/^entry 0 has more than 3000 elements in its header/);
  });
});
