import { describe, expect, it } from "vitest";
import { labelContours, type Polygon } from "#src/imaging/contours.js";

/** Rows from y = 0 on, a digit a pixel. */
function traced(...rows: string[]): ReadonlyMap<number, readonly Polygon[]> {
  return labelContours(Uint8Array.from(rows.join(""), Number), rows[0]?.length ?? 0, rows.length);
}

function area(points: Polygon): number {
  let twice = 0;
  for (let p = 0; p < points.length; p += 2) {
    const q = (p + 2) % points.length;
    twice += (points[p] ?? 0) * (points[q + 1] ?? 0) - (points[q] ?? 0) * (points[p + 1] ?? 0);
  }
  return twice / 2;
}

/** Whether a point is in an odd number of polygons' interiors. */
function isInside(polygons: readonly Polygon[], x: number, y: number): boolean {
  let crossings = 0;
  for (const points of polygons) {
    for (let p = 0; p < points.length; p += 2) {
      const q = (p + 2) % points.length;
      const [x0 = 0, y0 = 0, y1 = 0] = [points[p], points[p + 1], points[q + 1]];
      if (y0 > y !== y1 > y && x0 > x) crossings++;
    }
  }
  return crossings % 2 === 1;
}

describe("labelContours", () => {
  it("goes round a rectangle by its four corners, from the lowest", () => {
    expect(traced("000", "011", "011").get(1)).toEqual([[0.5, 0.5, 2.5, 0.5, 2.5, 2.5, 0.5, 2.5]]);
  });

  it("turns round holes the other way", () => {
    const found = traced("1111", "1001", "1111").get(1) ?? [];
    expect(found.map(area)).toEqual([12, -2]);
    expect(found[1]).toHaveLength(8);
  });

  it("parts pixels that touch at a corner, and joins holes that do", () => {
    expect(traced("10", "01").get(1)).toHaveLength(2);
    expect(traced("01", "10").get(1)).toHaveLength(2);
    expect((traced("1111", "1011", "1101", "1111").get(1) ?? []).map(area)).toEqual([16, -2]);
    expect((traced("1111", "1101", "1011", "1111").get(1) ?? []).map(area)).toEqual([16, -2]);
  });

  it("traces neighbouring labels each for itself, and no background", () => {
    const found = traced("0120", "0220");
    expect([...found.keys()].toSorted()).toEqual([1, 2]);
    expect((found.get(2) ?? []).map(area)).toEqual([3]);
    expect(traced("00").size).toBe(0);
  });

  it("gives every pixel back, of any map, and no points in between", () => {
    let state = 7;
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state / 2 ** 31;
    };
    for (let round = 0; round < 60; round++) {
      const [width, height] = [1 + Math.floor(random() * 12), 1 + Math.floor(random() * 12)];
      const labels = Uint8Array.from({ length: width * height }, () => Math.floor(random() * 3));
      const found = labelContours(labels, width, height);
      for (const label of [1, 2]) {
        const polygons = found.get(label) ?? [];
        const again = labels.map((_, i) => Number(isInside(polygons, i % width, Math.floor(i / width))));
        expect(again).toEqual(labels.map((value) => Number(value === label)));
        for (const points of polygons) {
          for (let p = 0; p < points.length; p += 2) {
            const at = (n: number) => points[(p + n) % points.length];
            expect((at(0) === at(2) && at(2) === at(4)) || (at(1) === at(3) && at(3) === at(5))).toBe(false);
          }
        }
      }
    }
  });

  it("refuses a map of another size", () => {
    expect(() => labelContours(new Uint8Array(5), 2, 3)).toThrow(RangeError);
  });
});
