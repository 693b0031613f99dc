import { describe, expect, it } from "vitest";
import { readNpy } from "#src/formats/npy-read.js";
import { buildNpy } from "../../support/npy-builder.js";

const codeOf = (bytes: Uint8Array): string => {
  try {
    readNpy(bytes, "the file");
    return "none";
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : "";
  }
};

describe("readNpy", () => {
  it("reads float16, float32 and float64 of every header version", () => {
    const values = [0, 0.5, -1.25, 65_504];
    const half = buildNpy(
      "<f2",
      [2, 2],
      Uint8Array.from(new Uint8Array(Uint16Array.of(0, 0x3800, 0xbd00, 0x7bff).buffer)),
    );
    expect(readNpy(half, "x")).toEqual({ shape: [2, 2], data: Float32Array.from(values) });
    const single = buildNpy("<f4", [4], new Uint8Array(Float32Array.from(values).buffer), { version: 2 });
    expect(readNpy(single, "x")).toEqual({ shape: [4], data: Float32Array.from(values) });
    const double = buildNpy("<f8", [1, 4, 1], new Uint8Array(Float64Array.from(values).buffer));
    expect(readNpy(double, "x")).toEqual({ shape: [1, 4, 1], data: Float32Array.from(values) });
  });

  it("reads from the middle of a larger buffer, as files come", () => {
    const file = buildNpy("<f4", [2], new Uint8Array(Float32Array.of(1, 2).buffer));
    const larger = Buffer.concat([Buffer.from([1, 2, 3]), file]).subarray(3);
    expect([...readNpy(larger, "x").data]).toEqual([1, 2]);
  });

  it("says what it cannot read", () => {
    const four = new Uint8Array(16);
    expect(codeOf(new Uint8Array(40))).toBe("InputUnreadable: the file is no numpy array");
    expect(codeOf(buildNpy("<i4", [4], four))).toMatch(/^InputUnsupported: .* numpy type <i4/);
    expect(codeOf(buildNpy("<f4", [4], four, { fortran: true }))).toMatch(/^InputUnsupported: .* Fortran order/);
    expect(codeOf(buildNpy("<f4", [5], four))).toBe(
      "InputUnreadable: the file has 16 bytes of values, expected 20 for its shape",
    );
    expect(codeOf(buildNpy("<f4", [4], four).subarray(0, 30))).toMatch(/^InputUnreadable: .* without type or shape/);
  });
});
