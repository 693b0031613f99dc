import dicomParser from "dicom-parser";
import { describe, expect, it } from "vitest";
import { readRtStructGeometry } from "#src/formats/rtstruct-read.js";
import { writeRtStruct } from "#src/formats/rtstruct-write.js";
import type { SegLabels, SegOptions } from "#src/formats/seg-options.js";
import { enhancedFile } from "../../support/dicom-shapes.js";
import { PLANES, phantomSeries, uploadOf } from "../../support/phantom-series.js";
import { combOptions, labelPlace, segOptions } from "../../support/seg-phantom.js";

const SIZE = [9, 8, 5] as const;
const STEP = 3;

/** The phantom's options with labels of the test's own, by voxel. */
async function withLabels(
  of: (x: number, y: number, z: number) => number,
  plane: keyof typeof PLANES = "oblique",
): Promise<SegOptions & SegLabels> {
  const options = await segOptions(uploadOf(phantomSeries({ plane, size: SIZE })));
  const [nx, ny] = SIZE;
  const data = options.labels.data.map((_, i) => of(i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))));
  return { ...options, labels: { ...options.labels, data } };
}

/** A block with a hole, an island in the hole, and an island apart; the label 7 touches it at corners. */
function ringAndIslands(x: number, y: number, z: number): number {
  if (z === 0 || z === 3) return 0;
  if (x === 8 && y === 7) return 1;
  if (x === 7 && y === 6) return 7;
  if (x > 6 || y > 5) return 0;
  if (x === 3 && y === 3) return 1;
  return x >= 2 && x <= 4 && y >= 2 && y <= 4 ? 0 : 1;
}

describe("writeRtStruct", () => {
  it.each(Object.keys(PLANES) as (keyof typeof PLANES)[])(
    "puts every ROI of a %s series in its place, with holes and islands",
    async (plane) => {
      const options = await withLabels(ringAndIslands, plane);
      const rois = readRtStructGeometry(writeRtStruct(options), STEP);
      expect(rois.map(({ number }) => number)).toEqual([1, 2]);
      for (const [r, { areaMm2, volumeMm3, centroidRasMm }] of rois.entries()) {
        const { voxels, centroid } = labelPlace(options.labels, options.segments[r]?.value ?? 0);
        expect(areaMm2).toBeCloseTo(voxels * 0.75 * 1.25, 3);
        expect(volumeMm3).toBeCloseTo(voxels * 0.75 * 1.25 * STEP, 3);
        for (const axis of [0, 1, 2]) expect(centroidRasMm?.[axis]).toBeCloseTo(centroid[axis] ?? 0, 4);
      }
    },
  );

  it("writes an ROI without contours for a segment without voxels", async () => {
    const [empty, full] = readRtStructGeometry(
      writeRtStruct(await withLabels((x, y, z) => (x * y * z === 2 ? 1 : 0))),
      STEP,
    );
    expect(empty).toEqual({ number: 1, areaMm2: 0, volumeMm3: 0, centroidRasMm: null });
    expect(full?.areaMm2).toBeGreaterThan(0);
  });

  it("names for each contour the slice it lies on, and the frame where there are several", async () => {
    const slices = await withLabels((x, y) => (x === 1 && y === 1 ? 1 : 0));
    expect(imagesOf(writeRtStruct(slices))).toEqual(slices.source.slices.map(({ sopInstanceUid }) => [sopInstanceUid]));
    const order = [3, 0, 2, 1].map((k) => ({ k }));
    const frames = await segOptions(uploadOf([{ name: "x", bytes: enhancedFile({}, order) }]));
    const uid = frames.source.slices[0]?.sopInstanceUid;
    const numbers = frames.source.slices.slice(1).map(({ frame }) => String(frame));
    // The first contour is the other ROI's only one.
    expect(imagesOf(writeRtStruct(frames)).slice(1)).toEqual(numbers.map((number) => [uid, number]));
  });

  it("carries name, colour and type, and dates from nowhere but the source", async () => {
    const dataSet = dicomParser.parseDicom(writeRtStruct(await withLabels(ringAndIslands)));
    const first = (tag: string) => dataSet.elements[tag]?.items?.[0]?.dataSet;
    expect(first("x30060020")?.string("x30060026")).toBe("Left hippocampus");
    expect(first("x30060039")?.string("x3006002a")).toBe("0\\255\\50");
    const type = first("x30060080")?.elements.x30060086?.items?.[0]?.dataSet;
    expect(type?.string("x00080100")).toBe("3740002");
    expect(type?.elements.x00620011?.items?.[0]?.dataSet?.string("x00080100")).toBe("7771000");
    expect([dataSet.string("x30060008"), dataSet.string("x30060009")]).toEqual(["20200103", "101114"]);
  });

  it("writes the same bytes each time, and another instance for another result", async () => {
    const options = await withLabels(ringAndIslands);
    expect(writeRtStruct(options)).toEqual(writeRtStruct(options));
    const other = writeRtStruct({ ...options, identity: "r-ff23456789abcdef0123456789abcdef01234567" });
    const uidOf = (bytes: Uint8Array) => dicomParser.parseDicom(bytes).string("x00080018");
    expect(uidOf(other)).not.toBe(uidOf(writeRtStruct(options)));
  });

  it("writes contours of any length, for which it leaves out VRs", async () => {
    const comb = await combOptions();
    const bytes = writeRtStruct(comb);
    const dataSet = dicomParser.parseDicom(bytes);
    expect(dataSet.string("x00020010")).toBe("1.2.840.10008.1.2");
    const [contour] = contoursOf(bytes);
    // In explicit VR a length has two bytes.
    expect(contour?.elements.x30060050?.length).toBeGreaterThan(65_535);
    const { voxels } = labelPlace(comb.labels, 1);
    expect(readRtStructGeometry(bytes, 1)[1]?.areaMm2).toBeCloseTo(voxels * 0.75 * 1.25, 1);
  });

  it("refuses labels of other slices than the source's", async () => {
    const options = await withLabels(ringAndIslands);
    const source = { ...options.source, slices: options.source.slices.slice(1) };
    expect(() => writeRtStruct({ ...options, source })).toThrow("labels must have 4 slices like the source, got 5");
  });
});

describe("readRtStructGeometry", () => {
  it("refuses what is no structure set, and contours of another kind", async () => {
    expect(() => readRtStructGeometry(new Uint8Array(200), 1)).toThrow("cannot be parsed");
    const bytes = Buffer.from(writeRtStruct(await withLabels(ringAndIslands)));
    bytes.write("OPEN_PLANAR  ", bytes.indexOf("CLOSED_PLANAR"));
    expect(() => readRtStructGeometry(bytes, 1)).toThrow("not closed planar");
  });
});

function contoursOf(bytes: Uint8Array) {
  const rois = dicomParser.parseDicom(bytes).elements.x30060039?.items ?? [];
  return rois.flatMap((roi) => roi.dataSet?.elements.x30060040?.items?.map((item) => item.dataSet) ?? []);
}

/** Instance and, where named, frame of each contour. */
function imagesOf(bytes: Uint8Array): string[][] {
  return contoursOf(bytes).map((contour) => {
    const image = contour?.elements.x30060016?.items?.[0]?.dataSet;
    return [image?.string("x00081155"), image?.string("x00081160")].filter((value) => value !== undefined);
  });
}
