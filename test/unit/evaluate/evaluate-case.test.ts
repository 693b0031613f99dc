import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import { evaluateCase, type LabelVolume, type ScoreOptions } from "#src/evaluate/evaluate-case.js";
import { METRIC_KEYS, type MetricKey } from "#src/evaluate/metrics.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { readGolden } from "../../goldens/golden.js";

interface GoldenCase {
  readonly name: string;
  readonly size: Size3;
  readonly spacing: Vec3;
  readonly tolerance: number;
  readonly truth: string;
  readonly prediction: string;
  readonly scores: Readonly<Partial<Record<MetricKey, number | null>>>;
  readonly lesions: Readonly<Record<"6" | "26", Readonly<Partial<Record<MetricKey, number>>>>>;
}
const GOLDEN = readGolden<{ readonly cases: readonly GoldenCase[] }>("evaluate");

const OPTIONS: ScoreOptions = {
  tolerance: 1,
  lesions: { connectivity: 26, overlap: 0 },
  bothEmpty: "skip",
  oneEmpty: "skip",
};
const ONE = [{ name: "one", values: [1] }];

function volume(size: Size3, spacing: Vec3 | null, data: Uint8Array | Uint16Array): LabelVolume {
  const [x, y, z] = spacing ?? [1, 1, 1];
  return { size, spacingMm: spacing, affineRas: [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0], data };
}

function line(text: string, spacing: Vec3 | null = [1, 1, 1]): LabelVolume {
  return volume([text.length, 1, 1], spacing, Uint8Array.from(text, Number));
}

function scoresOf(truth: string, prediction: string, options: Partial<ScoreOptions> = {}) {
  const found = evaluateCase(line(truth), line(prediction), ONE, { ...OPTIONS, ...options }, "case 1").labels[0];
  if (found === undefined) throw new Error("one label was asked for");
  return found;
}

describe("evaluateCase", () => {
  // MONAI keeps distances in float32: six digits.
  it.each(GOLDEN.cases.map((golden) => [golden.name, golden] as const))(
    "has the scores of MONAI, MedPy, DeepMind and SciPy: %s",
    (_, { size, spacing, tolerance, truth, prediction, scores, lesions }) => {
      for (const connectivity of [6, 26] as const) {
        const found = evaluateCase(
          volume(size, spacing, Uint8Array.from(truth, Number)),
          volume(size, spacing, Uint8Array.from(prediction, Number)),
          ONE,
          { ...OPTIONS, tolerance, lesions: { connectivity, overlap: 0 } },
          "case 1",
        ).labels[0]?.scores;
        const expected = { ...scores, ...lesions[`${connectivity}`] };
        for (const key of METRIC_KEYS) {
          const wanted = expected[key];
          if (wanted === undefined) continue;
          const got = found?.[key] ?? Number.POSITIVE_INFINITY;
          if (wanted === null) expect(got, key).toBeNaN();
          else expect(Math.abs(got - wanted), key).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(wanted)));
        }
      }
    },
  );

  it("is the mirror image of itself with the maps exchanged", () => {
    const golden = GOLDEN.cases.find(({ name }) => name === "noise, anisotropic");
    if (golden === undefined) throw new Error("the golden is not there");
    const { size, spacing } = golden;
    const a = volume(size, spacing, Uint8Array.from(golden.truth, Number));
    const b = volume(size, spacing, Uint8Array.from(golden.prediction, Number));
    const there = evaluateCase(a, b, ONE, OPTIONS, "case 1").labels[0]?.scores;
    const back = evaluateCase(b, a, ONE, OPTIONS, "case 1").labels[0]?.scores;
    expect(there?.hd95Monai).toBe(back?.hd95Monai);
    expect(there?.hd95Deepmind).toBe(back?.hd95Deepmind);
    expect(there?.asdTruthToPred).toBe(back?.asdPredToTruth);
    expect(there?.sensitivity).toBe(back?.precision);
    expect(there?.lesionsFalse).toBe((back?.lesionsTruth ?? 0) - (back?.lesionsFound ?? 0));
  });

  it("measures in millimetres and millilitres, and in pixels where the voxel size is unknown", () => {
    const known = evaluateCase(line("1000", [2, 3, 5]), line("0001", [2, 3, 5]), ONE, OPTIONS, "case 1").labels[0];
    expect(known?.scores).toMatchObject({ hd: 6, volumeTruth: 0.03 });
    const unknown = evaluateCase(line("1000", null), line("0001", null), ONE, OPTIONS, "case 1").labels[0];
    expect(unknown?.scores).toMatchObject({ hd: 3, volumeTruth: 1 });
  });

  it("counts a distance of the tolerance as within it, rounded spacing or not", () => {
    const spacing = [Math.fround(0.7), 1, 1] as const;
    const at = (tolerance: number) =>
      evaluateCase(line("1000", spacing), line("0001", spacing), ONE, { ...OPTIONS, tolerance }, "case 1").labels[0];
    expect(at(2.1)?.scores.surfaceDiceMonai).toBe(1);
    expect(at(2.0999)?.scores.surfaceDiceMonai).toBe(0);
  });

  it("scores several labels and regions at once as each by itself", () => {
    const truth = line("0112233300");
    const prediction = line("0122233000");
    const all = evaluateCase(truth, prediction, null, OPTIONS, "case 1").labels;
    expect(all.map(({ label }) => label)).toEqual(["1", "2", "3"]);
    for (const { label, scores } of all) {
      const value = Number(label);
      const single = (map: LabelVolume) => ({ ...map, data: map.data.map((v) => (v === value ? 1 : 0)) });
      expect(evaluateCase(single(truth), single(prediction), ONE, OPTIONS, "case 1").labels[0]?.scores).toEqual(scores);
    }
    const region = evaluateCase(truth, prediction, [{ name: "both", values: [1, 2] }], OPTIONS, "case 1");
    expect(region.labels[0]?.scores).toMatchObject({ dice: 1 });
    expect(region.unscored).toEqual([
      { value: 3, where: "truth", voxels: 3 },
      { value: 3, where: "prediction", voxels: 2 },
    ]);
  });

  it("takes labels of 16 bits", () => {
    const map = volume([3, 1, 1], [1, 1, 1], Uint16Array.of(0, 65_535, 300));
    const found = evaluateCase(map, map, null, OPTIONS, "case 1").labels;
    expect(found.map(({ label, scores }) => [label, scores.dice])).toEqual([
      ["300", 1],
      ["65535", 1],
    ]);
  });

  describe("with an empty map", () => {
    it("has no scores where the label is in neither, or those of a perfect agreement", () => {
      const skipped = scoresOf("0000", "0000");
      expect(skipped.empty).toBe("both");
      expect(skipped.scores).toMatchObject({ dice: Number.NaN, hd95Monai: Number.NaN, lesionF1: Number.NaN });
      expect(skipped.scores).toMatchObject({ accuracy: 1, specificity: 1, volumeError: 0, lesionsFalse: 0 });
      const perfect = scoresOf("0000", "0000", { bothEmpty: "perfect" }).scores;
      expect(perfect).toMatchObject({
        dice: 1,
        surfaceDiceMonai: 1,
        hd95Monai: 0,
        lesionF1: 1,
        volumeErrorRelative: 0,
      });
    });

    it("has no distances where one map lacks the label, or the diagonal of the image", () => {
      const missed = scoresOf("0110", "0000");
      expect(missed.empty).toBe("prediction");
      expect(missed.scores).toMatchObject({ dice: 0, surfaceDiceDeepmind: 0, sensitivity: 0, precision: Number.NaN });
      expect(missed.scores).toMatchObject({ hd: Number.NaN, assd: Number.NaN, lesionsMissed: 1, lesionF1: 0 });
      const invented = scoresOf("0000", "0110", { oneEmpty: "diagonal" });
      expect(invented.empty).toBe("truth");
      expect(invented.scores).toMatchObject({ dice: 0, sensitivity: Number.NaN, volumeErrorRelative: Number.NaN });
      expect(invented.scores.hd95Deepmind).toBeCloseTo(Math.hypot(4, 1), 12);
    });
  });

  describe("lesions", () => {
    it("counts found, missed and false ones by any voxel, or by a share of their voxels", () => {
      const any = scoresOf("1111001001", "1000001110").scores;
      expect(any).toMatchObject({ lesionsTruth: 3, lesionsFound: 2, lesionsMissed: 1, lesionsFalse: 0 });
      expect(any.lesionSensitivity).toBeCloseTo(2 / 3, 12);
      expect(any.lesionF1).toBeCloseTo(4 / 5, 12);
      const half = scoresOf("1111001001", "1000001110", { lesions: { connectivity: 26, overlap: 0.5 } }).scores;
      expect(half).toMatchObject({ lesionsFound: 1, lesionsMissed: 2, lesionsFalse: 1 });
    });

    it("tells pieces apart by faces, edges or corners", () => {
      // Voxels of a cube at (0,0,0), (1,1,0) and, by a corner alone, (2,2,1).
      const data = new Uint8Array(27);
      for (const [x, y, z] of [
        [0, 0, 0],
        [1, 1, 0],
        [2, 2, 1],
      ] as const)
        data[x + 3 * (y + 3 * z)] = 1;
      const map = volume([3, 3, 3], [1, 1, 1], data);
      const pieces = ([6, 18, 26] as const).map(
        (connectivity) =>
          evaluateCase(map, map, ONE, { ...OPTIONS, lesions: { connectivity, overlap: 0 } }, "case 1").labels[0]?.scores
            .lesionsTruth,
      );
      expect(pieces).toEqual([3, 2, 1]);
    });
  });

  describe("refuses maps that do not lie on each other", () => {
    const truth = volume([4, 3, 2], [1, 1, 2], new Uint8Array(24));
    const refused = (prediction: LabelVolume) => () => evaluateCase(truth, prediction, null, OPTIONS, "case 3");

    it.each([
      [{ ...truth, size: [3, 4, 2] as const }, "case 3: the reference has voxels 4 x 3 x 2, the prediction 3 x 4 x 2"],
      [
        volume([4, 3, 2], [1, 1, 2.1], truth.data),
        "case 3: the reference has spacing 1 x 1 x 2 mm, the prediction 1 x 1 x 2.1 mm",
      ],
      [{ ...truth, spacingMm: null }, "case 3: the reference has spacing 1 x 1 x 2 mm, the prediction unknown"],
      [
        { ...truth, affineRas: [1, 0, 0, 5, 0, 1, 0, 0, 0, 0, 2, 0] as const },
        "case 3: the reference has affine [1 0 0 0 0 1 0 0 0 0 2 0], the prediction [1 0 0 5 0 1 0 0 0 0 2 0]",
      ],
    ])("%#", (prediction, message) => {
      expect(refused(prediction)).toThrow(message);
      expect(refused(prediction)).toThrow(PipelineError);
    });

    it("but takes what only rounding parts", () => {
      const affineRas = [1.0001, 0, 0, 0.01, 0, 1, 0, 0, 0, 0, 2, 0] as const;
      expect(refused({ ...truth, affineRas, spacingMm: [1.0001, 1, 2] })).not.toThrow();
    });
  });
});
