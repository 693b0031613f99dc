import { describe, expect, it } from "vitest";
import { readSegFrames } from "#src/formats/seg-read-frames.js";
import { writeSeg } from "#src/formats/seg-write.js";

const [COLUMNS, ROWS] = [512, 512];
const SEGMENTS = 100;
const TERM = { value: "123037004", scheme: "SCT", meaning: "Anatomical Structure" };

/** A BINARY segmentation: segment n has one voxel on each of two slices, the last segment none. */
function segOf(depth: number): Uint8Array {
  const data = new Uint8Array(COLUMNS * ROWS * depth);
  for (let n = 1; n < SEGMENTS; n++) for (const z of slicesOf(n, depth)) data[placeOf(n) + COLUMNS * ROWS * z] = n;
  return writeSeg({
    kind: "binary",
    labels: {
      size: [COLUMNS, ROWS, depth],
      affineRas: [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 2, 0],
      spacingMm: [1, 1, 2],
      data,
    },
    source: {
      attributes: {},
      studyInstanceUid: "1.2.1",
      seriesInstanceUid: "1.2.2",
      frameOfReferenceUid: "1.2.3",
      slices: Array.from({ length: depth }, (_, k) => ({
        sopClassUid: "1.2.840.10008.5.1.4.1.1.2",
        sopInstanceUid: `1.2.4.${k + 1}`,
        frame: null,
        positionLps: [0, 0, 2 * k] as const,
      })),
      orientationLps: [1, 0, 0, 0, 1, 0],
      pixelSpacingMm: [1, 1],
      sliceThicknessMm: 2,
    },
    segments: Array.from({ length: SEGMENTS }, (_, n) => ({
      value: n + 1,
      name: `segment-${n + 1}`,
      displayName: `Segment ${n + 1}`,
      category: TERM,
      type: TERM,
      colourRgb: [n, n, n] as const,
    })),
    algorithm: { name: "phantom-net", version: "1" },
    identity: "r-0123456789abcdef0123456789abcdef01234567",
  });
}

const slicesOf = (n: number, depth: number): number[] => [n % depth, (n + 2) % depth].sort((a, b) => a - b);
/** Not on the border of a byte. */
const placeOf = (n: number): number => 5 * n + COLUMNS * (3 * n + 1);

/** Slices of each segment's frames, and what is set in them, by the frames' own positions. */
function framesOf(bytes: Uint8Array): { slices: Map<number, number[]>; set: string[] } {
  const slices = new Map<number, number[]>();
  const set: string[] = [];
  for (const frame of readSegFrames(bytes).frames) {
    const segment = frame.segment ?? 0;
    const z = frame.origin[2] / 2;
    slices.set(segment, [...(slices.get(segment) ?? []), z]);
    frame.visit((_, x, y) => set.push(`${segment}: ${x} ${y} ${z}`));
  }
  return { slices, set };
}

function expectedSet(depth: number): string[] {
  return Array.from({ length: SEGMENTS - 1 }, (_, i) => i + 1).flatMap((n) =>
    slicesOf(n, depth).map((z) => `${n}: ${placeOf(n) % COLUMNS} ${Math.floor(placeOf(n) / COLUMNS)} ${z}`),
  );
}

describe("a BINARY segmentation of many segments", () => {
  // 512 x 512 x 20 x 100 pixels are 62.5 MiB of bits, one slice more is 65.6 MiB.
  it("has every slice of every segment up to 64 MiB", () => {
    const places = Array.from(readSegFrames(segOf(20)).frames, ({ segment, origin }) => [segment, origin[2] / 2]);
    expect(places).toEqual(Array.from({ length: 20 * SEGMENTS }, (_, i) => [1 + Math.floor(i / 20), i % 20]));
  });

  it("beyond that has only those with a voxel, one for a segment without any, and the same voxels", () => {
    const bytes = segOf(21);
    const { slices, set } = framesOf(bytes);
    for (let n = 1; n < SEGMENTS; n++) expect(slices.get(n)).toEqual(slicesOf(n, 21));
    expect(slices.get(SEGMENTS)).toEqual([0]);
    expect(set).toEqual(expectedSet(21));
    expect(bytes.length).toBeLessThan(199 * ((COLUMNS * ROWS) / 8) + 1e6);
  });
});
