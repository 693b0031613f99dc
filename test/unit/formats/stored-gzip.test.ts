import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { gzipStored, unpackStored } from "#src/formats/stored-gzip.js";

const bytesOf = (length: number, n = 0) => Uint8Array.from({ length }, (_, i) => (i * 31 + n * 7) % 256);
const ANY = 2 ** 30;

describe("gzipStored", () => {
  it.each([[[]], [[0]], [[352, 3]], [[65_535]], [[65_536]], [[352, 131_070]], [[65_535, 65_535, 1]]])(
    "is a gzip file of its pieces, of %j bytes",
    (lengths: readonly number[]) => {
      const pieces = lengths.map(bytesOf);
      const file = gzipStored(pieces);
      expect(gunzipSync(file).equals(Buffer.concat(pieces))).toBe(true);
      expect(Buffer.concat(pieces).equals(unpackStored(file, ANY) ?? Buffer.of(7))).toBe(true);
      const shared = unpackStored(file, ANY, true);
      expect(Buffer.concat(pieces).equals(shared ?? Buffer.of(7))).toBe(true);
      expect(shared?.buffer).toBe(file.buffer);
    },
  );
});

describe("unpackStored", () => {
  it("takes what zlib stored, at any place in memory", () => {
    const file = Buffer.concat([Buffer.of(1), gzipSync(bytesOf(100_000), { level: 0 })]).subarray(1);
    expect(Buffer.from(bytesOf(100_000)).equals(unpackStored(file, ANY) ?? Buffer.of(7))).toBe(true);
  });

  it.each<[string, (file: Uint8Array) => Uint8Array]>([
    ["compressed", () => gzipSync(bytesOf(100_000))],
    ["of two parts", (file) => Buffer.concat([file, file])],
    ["with bytes after it", (file) => Buffer.concat([file, Buffer.of(0)])],
    ["with a name in its header", (file) => file.with(3, 8)],
    ["no gzip file", (file) => file.with(0, 0)],
    ["cut short", (file) => file.subarray(0, -1)],
    ["cut to nothing", (file) => file.subarray(0, 3)],
    ["with another voxel", (file) => file.with(20, 255)],
    ["with another length of a block", (file) => file.with(11, 0)],
    ["whose last block is not said to be it", (file) => file.with(10, 0)],
    ["that says another length", (file) => file.with(file.length - 4, 0)],
  ])("leaves a file to zlib that is %s", (_, change) => {
    expect(unpackStored(change(gzipStored([bytesOf(1000)])), ANY)).toBeNull();
    expect(unpackStored(change(gzipStored([bytesOf(1000)])), ANY, true)).toBeNull();
  });

  it("leaves what is beyond its limit to zlib", () => {
    const file = gzipStored([bytesOf(1000)]);
    expect([unpackStored(file, 999), unpackStored(file, 1000)?.length]).toEqual([null, 1000]);
  });
});
