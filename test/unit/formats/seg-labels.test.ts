import { describe, expect, it } from "vitest";
import { readSegLabels, segGrid } from "#src/formats/seg-labels.js";
import { writeSeg } from "#src/formats/seg-write.js";
import { composeAffine } from "#src/imaging/affine.js";
import { planReorientation, reorient } from "#src/imaging/orient.js";
import type { Grid } from "#src/imaging/volume.js";
import { PLANES, phantomSeries, uploadOf } from "../../support/phantom-series.js";
import { segOptions } from "../../support/seg-phantom.js";

const SIZE = [9, 8, 5] as const;
const phantom = (plane: keyof typeof PLANES) => segOptions(uploadOf(phantomSeries({ plane, size: SIZE })));

/** Numbers of a BINARY's segments: label 7 is the first, label 1 the second. */
const asNumbers = (data: ArrayLike<number>) => Array.from(data, (label) => (label === 7 ? 1 : label === 1 ? 2 : 0));

describe("readSegLabels", () => {
  it.each(Object.keys(PLANES) as (keyof typeof PLANES)[])(
    "puts every pixel where its frame lies: %s",
    async (plane) => {
      const options = await phantom(plane);
      const binary = readSegLabels(writeSeg(options), options.labels, "the map");
      expect([...binary.data]).toEqual(asNumbers(options.labels.data));
      const labelMap = readSegLabels(writeSeg({ ...options, kind: "labelmap" }), options.labels, "the map");
      expect([...labelMap.data]).toEqual([...options.labels.data]);
    },
  );

  it("follows a grid whose axes run another way", async () => {
    const options = await phantom("axial");
    for (const code of ["RAS", "LPS", "PIR", "SLA"] as const) {
      const plan = planReorientation(options.labels.affineRas, options.labels.size, code);
      const { affine: affineRas, size } = plan;
      const turned = {
        ...options.labels,
        affineRas,
        size,
        data: reorient(options.labels.data, options.labels.size, plan),
      };
      const found = readSegLabels(writeSeg({ ...options, kind: "labelmap" }), turned, "the map");
      expect([...found.data], code).toEqual([...turned.data]);
    }
  });

  it("refuses another grid, probabilities, overlaps and what is no SEG", async () => {
    const options = await phantom("axial");
    const bytes = writeSeg(options);
    const moved = (step: readonly number[]): Grid => {
      const [a = 1, b = 0, x = 0] = step;
      return {
        ...options.labels,
        affineRas: composeAffine(options.labels.affineRas, [a, b, 0, x, 0, 1, 0, 0, 0, 0, 1, 0]),
      };
    };
    for (const grid of [moved([1, 0, 0.3]), moved([1, 0, 4]), moved([0.5, 0, 0]), moved([1, 1, 0])]) {
      expect(() => readSegLabels(bytes, grid, "the map")).toThrow(/the map, frame 1, does not lie on the voxels/);
    }
    const probabilities = new Map([1, 7].map((value) => [value, new Float32Array(360).fill(0.5)]));
    const fractional = writeSeg({ ...options, kind: "fractional", probabilities, size: SIZE });
    expect(() => readSegLabels(fractional, options.labels, "the map")).toThrow("is FRACTIONAL, expected BINARY");
    expect(() => readSegLabels(new Uint8Array(200), options.labels, "the map")).toThrow(
      expect.objectContaining({ code: "InputUnreadable" }),
    );
  });
});

describe("segGrid", () => {
  it.each(Object.keys(PLANES) as (keyof typeof PLANES)[])("finds the slices that have frames: %s", async (plane) => {
    const options = await phantom(plane);
    const bytes = writeSeg({ ...options, kind: "labelmap" });
    const grid = segGrid([bytes], "the map");
    const found = readSegLabels(bytes, grid, "the map");
    expect(grid.size.slice(0, 2)).toEqual(SIZE.slice(0, 2));
    expect([...found.data].filter((label) => label > 0)).toEqual([...options.labels.data].filter((label) => label > 0));
    expect(grid.spacingMm?.[0]).toBeCloseTo(options.labels.spacingMm?.[0] ?? 0, 6);
  });

  it("holds the frames of several files", async () => {
    const options = await phantom("axial");
    // A fractional segmentation has frames only where it has probabilities.
    const only = (z: number) => {
      const part = Float32Array.from({ length: 360 }, (_, i) => (Math.floor(i / 72) === z ? 1 : 0));
      const probabilities = new Map([1, 7].map((value) => [value, part]));
      return writeSeg({ ...options, kind: "fractional", probabilities, size: SIZE });
    };
    expect(segGrid([only(1), only(4)], "the maps").size).toEqual([9, 8, 4]);
    expect(segGrid([only(2)], "the map").size).toEqual([9, 8, 1]);
  });
});
