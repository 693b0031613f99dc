import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { cropBox, nonzeroBox, pasteBox } from "#src/imaging/crop.js";

const SIZE: Size3 = [4, 3, 5];
const at = (x: number, y: number, z: number): number => x + 4 * (y + 3 * z);

function volumeWith(...voxels: [number, number][]): Float32Array {
  const out = new Float32Array(60);
  for (const [index, value] of voxels) out[index] = value;
  return out;
}

describe("nonzeroBox", () => {
  it("is the tight box around what any channel holds, negative values included", () => {
    const first = volumeWith([at(1, 1, 2), 5]);
    const second = volumeWith([at(2, 0, 3), -1]);
    expect(nonzeroBox([first], SIZE)).toEqual({ start: [1, 1, 2], size: [1, 1, 1] });
    expect(nonzeroBox([first, second], SIZE)).toEqual({ start: [1, 0, 2], size: [2, 2, 2] });
  });

  it("is the whole volume when every voxel is zero", () => {
    expect(nonzeroBox([new Float32Array(60)], SIZE)).toEqual({ start: [0, 0, 0], size: SIZE });
  });
});

describe("cropBox and pasteBox", () => {
  const data = Int16Array.from({ length: 60 }, (_, i) => i + 1);
  const box = { start: [1, 1, 2], size: [2, 2, 3] } as const;

  it("copies the box's voxels, of the same type", () => {
    const out = cropBox(data, SIZE, box);
    expect(out).toBeInstanceOf(Int16Array);
    expect([...out.subarray(0, 4)]).toEqual([at(1, 1, 2), at(2, 1, 2), at(1, 2, 2), at(2, 2, 2)].map((i) => i + 1));
    expect(out[11]).toBe(at(2, 2, 4) + 1);
  });

  it("puts them back where they were", () => {
    const whole = pasteBox(cropBox(data, SIZE, box), box, SIZE, -9);
    expect(nonzeroBox([whole.map((v) => v + 9)], SIZE)).toEqual(box);
    expect(whole[at(2, 1, 3)]).toBe(data[at(2, 1, 3)]);
    expect(whole[0]).toBe(-9);
    expect(pasteBox(cropBox(data, SIZE, box), box, SIZE, 0, data.slice())).toEqual(data);
  });

  it("refuses a box that does not lie in the volume", () => {
    expect(() => cropBox(data, SIZE, { start: [3, 0, 0], size: [2, 1, 1] })).toThrow(RangeError);
    expect(() => cropBox(data, SIZE, { start: [-1, 0, 0], size: [2, 1, 1] })).toThrow(RangeError);
    expect(() => pasteBox(data.slice(0, 3), box, SIZE)).toThrow(RangeError);
  });
});
