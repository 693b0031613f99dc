import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { expandUpload, type UploadLimits } from "#src/formats/upload.js";
import { buildNifti } from "../../support/nifti-builder.js";

interface TarFields {
  readonly name: string;
  readonly bytes?: Uint8Array;
  readonly type?: string;
  readonly size?: number;
}

const text = (value: string) => new TextEncoder().encode(value);

function tarOf(members: readonly TarFields[]): Buffer {
  const blocks = members.flatMap(({ name, bytes = new Uint8Array(0), type = "0", size = bytes.length }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write("0000644\0", 100);
    header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        ", 148);
    header.write(type, 156);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function entryOf(bytes: Uint8Array, name = "upload.bin"): UploadEntry {
  return { ordinal: 0, name, size: bytes.length, read: async () => bytes };
}

const expand = (bytes: Uint8Array, limits?: UploadLimits) => expandUpload([entryOf(bytes)], limits);

describe("tar archives of an upload", () => {
  for (const [kind, pack] of [
    ["plain", (bytes: Buffer) => bytes],
    ["gzip'd", (bytes: Buffer) => gzipSync(bytes)],
  ] as const) {
    it(`opens a ${kind} one: files in their order, long names, no bookkeeping`, async () => {
      const long = `${"folder/".repeat(20)}IM1`;
      const pax = (record: string) => `${record.length + 4} ${record}\n`;
      const tar = tarOf([
        { name: "a", type: "5" },
        { name: "a/two", bytes: text("second".repeat(200)) },
        { name: "__MACOSX/a/._two", bytes: text("x") },
        { name: "a/.DS_Store", bytes: text("x") },
        { name: "././@LongLink", type: "L", bytes: text(`${long}\0`) },
        { name: "short", bytes: text("one") },
        { name: "pax", type: "x", bytes: text(pax("path=b/named")) },
        { name: "other", bytes: text("three") },
      ]);
      const entries = await expand(pack(tar));
      expect(entries.map(({ ordinal, name, size }) => [ordinal, name, size])).toEqual([
        [0, "two", 1200],
        [1, "IM1", 3],
        [2, "named", 5],
      ]);
      const read = async (n: number) => Buffer.from((await entries[n]?.read()) ?? []).toString();
      expect([await read(1), (await read(0)).length, await read(2)]).toEqual(["one", 1200, "three"]);
      expect(Buffer.from((await entries[0]?.readHead?.(3)) ?? []).toString()).toBe("sec");
    });
  }

  it.each([
    { name: "a parent path", member: { name: "../x", bytes: text("x") }, code: "InputUnsafe" },
    { name: "an absolute path", member: { name: "/etc/x", bytes: text("x") }, code: "InputUnsafe" },
    { name: "a symbolic link", member: { name: "x", type: "2" }, code: "InputUnsafe" },
    { name: "a sparse file", member: { name: "x", type: "S" }, code: "InputUnsupported" },
    { name: "a file longer than the archive", member: { name: "x", size: 8 ** 11 - 1 }, code: "InputUnreadable" },
    { name: "a huge name", member: { name: "x", type: "L", bytes: new Uint8Array(70_000) }, code: "InputUnreadable" },
  ])("refuses $name", async ({ member, code }) => {
    await expect(expand(tarOf([member]))).rejects.toMatchObject({ code });
  });

  it("refuses a damaged header, a cut gzip stream and what is beyond its limits", async () => {
    const tar = tarOf([
      { name: "a", bytes: text("x".repeat(600)) },
      { name: "b", bytes: text("x") },
    ]);
    const broken = Buffer.from(tar);
    broken[1536] = 0x41;
    await expect(expand(broken)).rejects.toMatchObject({ code: "InputUnreadable" });
    await expect(expand(gzipSync(tar).subarray(0, -12))).rejects.toMatchObject({ code: "InputUnreadable" });
    await expect(expand(gzipSync(tar), { maxTotalBytes: 1000 })).rejects.toMatchObject({ code: "InputUnsafe" });
    await expect(expand(tar, { maxEntries: 1 })).rejects.toMatchObject({ code: "InputUnsafe" });
    await expect(expand(tar, { maxEntryBytes: 599 })).rejects.toMatchObject({ code: "InputUnsafe" });
  });

  it("stops unpacking a gzip'd archive whose ratio is absurd", async () => {
    const bomb = gzipSync(tarOf([{ name: "a", bytes: new Uint8Array(300 * 1024 ** 2) }]), { level: 9 });
    await expect(expand(bomb)).rejects.toMatchObject({ code: "InputUnsafe" });
  }, 20_000);

  it("unpacks a gzip'd file whose reader takes none, and leaves a gzip'd NIfTI as it is", async () => {
    const dicom = Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), Buffer.alloc(100)]);
    const [entry] = await expandUpload([entryOf(gzipSync(dicom), "slice.dcm.gz")]);
    expect([entry?.name, entry?.size]).toEqual(["slice.dcm", dicom.length]);
    const nifti = await expandUpload([entryOf(gzipSync(buildNifti({})), "a.nii.gz")]);
    expect(nifti[0]?.name).toBe("a.nii.gz");
    expect((await findScans(nifti)).scans[0]?.format).toBe("nifti");
  });
});
