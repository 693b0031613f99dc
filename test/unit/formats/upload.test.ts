import { describe, expect, it } from "vitest";
import { type Options, ZipFile } from "yazl";
import type { UploadEntry } from "#src/formats/scan.js";
import { expandUpload, type UploadLimits } from "#src/formats/upload.js";

interface Member {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly options?: Partial<Options>;
}

async function zipOf(members: readonly Member[]): Promise<Buffer> {
  const zip = new ZipFile();
  for (const { name, bytes, options } of members) zip.addBuffer(Buffer.from(bytes), name, options);
  zip.end();
  const parts: Buffer[] = [];
  for await (const part of zip.outputStream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

const entryOf = (name: string, bytes: Uint8Array, ordinal = 0): UploadEntry => ({
  ordinal,
  name,
  size: bytes.length,
  read: async () => bytes,
});
const text = (value: string) => new TextEncoder().encode(value);

/** The archive with the record of its first member in the central directory changed. */
function patched(zip: Buffer, change: (central: Buffer) => void): Buffer {
  const copy = Buffer.from(zip);
  change(copy.subarray(copy.indexOf(Buffer.from("PK\x01\x02"))));
  return copy;
}

/** The archive with a name put in the place of another of the same length, everywhere. */
function renamed(zip: Buffer, from: string, to: string): Buffer {
  return Buffer.from(zip.toString("latin1").replaceAll(from, to), "latin1");
}

async function expand(bytes: Uint8Array, limits?: UploadLimits): Promise<readonly UploadEntry[]> {
  return expandUpload([entryOf("upload.bin", bytes)], limits);
}

describe("expandUpload", () => {
  it("puts an archive's files in its place, in the archive's order, and counts ordinals on", async () => {
    const zip = await zipOf([
      { name: "study/z.dcm", bytes: text("one") },
      { name: "study/a.dcm", bytes: text("two"), options: { compress: false } },
    ]);
    const entries = await expandUpload([
      entryOf("x", text("first")),
      entryOf("y", zip, 1),
      entryOf("w", text("last"), 2),
    ]);
    const seen = await Promise.all(
      entries.map(async ({ ordinal, name, size, read }) => [ordinal, name, size, Buffer.from(await read()).toString()]),
    );
    expect(seen).toEqual([
      [0, "x", 5, "first"],
      [1, "z.dcm", 3, "one"],
      [2, "a.dcm", 3, "two"],
      [3, "w", 4, "last"],
    ]);
  });

  it("tells an archive by content, not by name", async () => {
    const entries = await expandUpload([entryOf("scan.zip", text("no archive"))]);
    expect(entries.map((entry) => entry.name)).toEqual(["scan.zip"]);
  });

  it("leaves folders out, archives inside archives closed, and an empty archive empty", async () => {
    const inner = await zipOf([{ name: "a", bytes: text("a") }]);
    const zip = new ZipFile();
    zip.addEmptyDirectory("folder/");
    zip.addBuffer(inner, "inner.zip");
    zip.end();
    const parts: Buffer[] = [];
    for await (const part of zip.outputStream) parts.push(Buffer.from(part));
    expect((await expand(Buffer.concat(parts))).map((entry) => entry.name)).toEqual(["inner.zip"]);
    expect(await expand(await zipOf([]))).toEqual([]);
  });

  it("reads only the head of a file where that is offered", async () => {
    let reads = 0;
    const read = async () => {
      reads++;
      return text("no archive");
    };
    const file = {
      ...entryOf("x", text("no archive")),
      read,
      readHead: async (n: number) => text("no archive").subarray(0, n),
    };
    await expandUpload([file]);
    expect(reads).toBe(0);
  });

  it.each(["../b.dcm", "/bb/b.dcm", "a\\\\b.dcm", "C:/b.dcm"])("refuses a member called %s", async (name) => {
    const zip = renamed(
      await zipOf([{ name: "x".repeat(name.length), bytes: text("a") }]),
      "x".repeat(name.length),
      name,
    );
    await expect(expand(zip)).rejects.toMatchObject({
      code: "InputUnsafe",
      message: expect.stringMatching(/^member 0 of archive 0 has a path that leaves/),
    });
  });

  it("refuses a symbolic link", async () => {
    const zip = await zipOf([{ name: "link", bytes: text("/etc/passwd"), options: { mode: 0o120777 } }]);
    await expect(expand(zip)).rejects.toMatchObject({
      code: "InputUnsafe",
      message: expect.stringMatching(/symbolic link/),
    });
  });

  it("refuses encrypted members and unknown compression", async () => {
    const zip = await zipOf([{ name: "a", bytes: text("a") }]);
    const encrypted = patched(zip, (central) => central.writeUInt16LE(central.readUInt16LE(8) | 1, 8));
    await expect(expand(encrypted)).rejects.toMatchObject({
      code: "InputUnsupported",
      message: expect.stringMatching(/encrypted/),
    });
    const packed = patched(zip, (central) => central.writeUInt16LE(14, 10));
    await expect(expand(packed)).rejects.toMatchObject({
      code: "InputUnsupported",
      message: expect.stringMatching(/method 14/),
    });
  });

  it("refuses an archive that is cut or scrambled", async () => {
    const zip = await zipOf([{ name: "a", bytes: text("a".repeat(1000)) }]);
    await expect(expand(zip.subarray(0, zip.length - 30))).rejects.toMatchObject({ code: "InputUnreadable" });
    const scrambled = patched(zip, (central) => central.fill(0, 0, 4));
    await expect(expand(scrambled)).rejects.toMatchObject({ code: "InputUnreadable" });
  });

  it("notices damaged data when a member is read", async () => {
    const zip = await zipOf([{ name: "a", bytes: text("hello hello hello"), options: { compress: false } }]);
    const at = zip.indexOf("hello");
    zip[at] = 0x48;
    const [entry] = await expand(zip);
    await expect(entry?.read()).rejects.toMatchObject({
      code: "InputUnreadable",
      message: expect.stringMatching(/checksum/),
    });
  });

  it("stops at the size that the directory names, whatever the data unpack to", async () => {
    const zip = await zipOf([{ name: "a", bytes: new Uint8Array(100_000) }]);
    const lying = patched(zip, (central) => central.writeUInt32LE(1000, 24));
    const [entry] = await expand(lying);
    await expect(entry?.read()).rejects.toMatchObject({
      code: "InputUnsafe",
      message: "entry 0 unpacks to more than the 1000 bytes that the archive's directory names",
    });
  });

  it("holds its limits of files, bytes a file, bytes and ratio", async () => {
    const zip = await zipOf([
      { name: "a", bytes: new Uint8Array(600) },
      { name: "b", bytes: new Uint8Array(600) },
    ]);
    await expect(expand(zip, { maxEntries: 1 })).rejects.toMatchObject({
      code: "InputUnsafe",
      message: expect.stringMatching(/2 files/),
    });
    await expect(expand(zip, { maxEntryBytes: 599 })).rejects.toMatchObject({
      code: "InputUnsafe",
      message: "member 0 of archive 0 unpacks to 600 bytes, expected at most 599",
    });
    await expect(expand(zip, { maxTotalBytes: 1199 })).rejects.toMatchObject({
      code: "InputUnsafe",
      message: expect.stringMatching(/1200 bytes unpacked, expected at most 1199/),
    });
    const two = [entryOf("x", zip), entryOf("y", zip, 1)];
    await expect(expandUpload(two, { maxTotalBytes: 2399 })).rejects.toMatchObject({ code: "InputUnsafe" });
    const bomb = patched(await zipOf([{ name: "a", bytes: new Uint8Array(600) }]), (central) =>
      central.writeUInt32LE(300 * 1024 ** 2, 24),
    );
    await expect(expand(bomb)).rejects.toMatchObject({
      code: "InputUnsafe",
      message: expect.stringMatching(/times its size/),
    });
    expect(await expand(zip)).toHaveLength(2);
  });
});
