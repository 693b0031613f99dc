import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { expect, it } from "vitest";
import { unpackDeflate, unpackLzw, unpackPackBits } from "#src/formats/tiff-unpack.js";

it("unpacks the example of the PackBits note, and takes -128 for nothing", () => {
  const packed = [0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0x80, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0xf7, 0xaa];
  const plain = "aaaaaa80002aaaaaaaaa80002a22aaaaaaaaaaaaaaaaaaaa";
  expect(Buffer.from(unpackPackBits(Uint8Array.from(packed), 100)).toString("hex")).toBe(plain);
});

it("stops at the limit, whatever is packed", () => {
  const runs = new Uint8Array(3_000_000).fill(0x81);
  expect(() => unpackPackBits(runs, 1000)).toThrow(RangeError);
  expect(() => unpackDeflate(deflateSync(new Uint8Array(1_000_000)), 1000)).toThrow();
});

it("ends with bytes or an error for any bytes as LZW, and never goes round in a ring", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4000 }), (bytes) => {
      // 0x80 0x0.: a code to clear the table, so that more than one code is read.
      const packed = Uint8Array.of(0x80, 0x00, ...bytes);
      try {
        expect(unpackLzw(packed, 1_000_000).length).toBeLessThanOrEqual(1_000_000);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 300, seed: 20 },
  );
});
