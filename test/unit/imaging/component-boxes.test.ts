import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { componentBoxes } from "#src/imaging/component-boxes.js";

const SIZE: Size3 = [20, 12, 9];
const at = (x: number, y: number, z: number): number => x + 20 * (y + 12 * z);

describe("componentBoxes", () => {
  it("puts a box with its margin around what is far from the rest, cut at the edges", () => {
    const labels = new Uint8Array(20 * 12 * 9);
    labels[at(0, 0, 0)] = 1;
    labels[at(10, 5, 4)] = 1;
    labels[at(11, 5, 4)] = 1;
    labels[at(2, 2, 8)] = 3;
    const boxes = componentBoxes(labels, SIZE, [1, 2, 3], [2, 1, 1]);
    expect(boxes.get(1)).toEqual([
      { start: [0, 0, 0], size: [3, 2, 2] },
      { start: [8, 4, 3], size: [6, 3, 3] },
    ]);
    expect(boxes.get(2)).toEqual([]);
    expect(boxes.get(3)).toEqual([{ start: [0, 1, 7], size: [5, 3, 2] }]);
  });

  it("joins components whose margins meet, and only those of one label", () => {
    const labels = new Uint16Array(20 * 12 * 9);
    labels[at(3, 3, 3)] = 500;
    labels[at(6, 3, 3)] = 500;
    labels[at(4, 3, 3)] = 7;
    const boxes = componentBoxes(labels, SIZE, [500, 7], [2, 0, 0]);
    expect(boxes.get(500)).toEqual([{ start: [1, 3, 3], size: [8, 1, 1] }]);
    expect(boxes.get(7)).toEqual([{ start: [2, 3, 3], size: [5, 1, 1] }]);
    const near = componentBoxes(labels, SIZE, [500], [1, 0, 0]).get(500);
    expect(near?.map(({ start }) => start[0])).toEqual([2, 5]);
  });

  it("holds every voxel of its label in boxes of one label that do not overlap", () => {
    const labels = Uint8Array.from({ length: 20 * 12 * 9 }, (_, i) => ((i * 7919) % 101 < 4 ? 1 + (i % 2) : 0));
    for (const [label, boxes] of componentBoxes(labels, SIZE, [1, 2], [1, 0, 1])) {
      const cover = new Uint8Array(labels.length);
      for (const { start, size } of boxes) {
        for (let z = start[2]; z < start[2] + size[2]; z++) {
          for (let y = start[1]; y < start[1] + size[1]; y++) {
            for (let x = start[0]; x < start[0] + size[0]; x++) cover[at(x, y, z)] = (cover[at(x, y, z)] ?? 0) + 1;
          }
        }
      }
      expect(Math.max(...cover)).toBe(1);
      expect(labels.every((value, i) => value !== label || cover[i] === 1)).toBe(true);
    }
  });
});
