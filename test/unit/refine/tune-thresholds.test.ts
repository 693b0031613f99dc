import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applySteps } from "#src/refine/apply-steps.js";
import { type TuningCase, tuneThresholds } from "#src/refine/tune-thresholds.js";

const SIZE: Size3 = [8, 6, 5];
const VOXELS = 240;

/** A truth and probabilities that only partly agree with it; case 2 is healthy, with a faint false alarm. */
function caseOf(n: number): TuningCase {
  const truth = Uint8Array.from({ length: VOXELS }, (_, i) => (n !== 2 && i % 48 > 10 + n && i % 48 < 30 ? 1 : 0));
  const probability = Float32Array.from(truth, (set, i) => {
    const noise = Math.sin(i * 12.9898 + n * 78.233) * 0.35;
    return Math.min(1, Math.max(0, (set ? 0.55 : n === 2 ? 0.2 : 0.15) + noise));
  });
  return { probability, truth, sliceVoxels: 48 };
}
const cases = [0, 1, 2, 3].map(caseOf);
const grid = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];

/** Mean Dice of a step, the long way: by applying it. */
function meanDice(step: Parameters<typeof applySteps>[1][number]): number {
  const scores = cases.map(({ probability, truth }) => {
    const probabilities = { start: [0, 0, 0] as const, size: SIZE, byLabel: new Map([[1, probability]]) };
    const labels = new Uint8Array(VOXELS).fill(1);
    const out = [...applySteps({ labels, size: SIZE, spacingMm: null, probabilities, image: null }, [step]).labels];
    const both = out.reduce((sum, label, i) => sum + label * (truth[i] ?? 0), 0);
    const either = out.reduce((sum, label, i) => sum + label + (truth[i] ?? 0), 0);
    return either === 0 ? 1 : (2 * both) / either;
  });
  return scores.reduce((a, b) => a + b, 0) / scores.length;
}

describe("tuneThresholds", () => {
  it("finds the threshold whose step scores best", () => {
    const tuned = tuneThresholds(cases, 1, { kind: "threshold", probability: grid });
    const scores = grid.map((probability) =>
      meanDice({ kind: "threshold", labels: [1], probability, from: "probabilities" }),
    );
    expect(tuned.meanDice).toBeCloseTo(Math.max(...scores), 12);
    expect(meanDice(tuned.step)).toBeCloseTo(tuned.meanDice, 12);
    expect(tuned.meanDiceAtHalf).toBeCloseTo(scores[4] ?? 0, 12);
    expect(tuned.tried).toBe(7);
  });

  it.each(["volume", "slice"] as const)("finds the triplet whose step scores best, by %s", (scope) => {
    const minVoxels = [1, 5, 12, 30];
    const rule = { kind: "score-triplet", topScore: grid, bottomScore: grid, minVoxels, scope } as const;
    const tuned = tuneThresholds(cases, 1, rule);
    const scores = grid.flatMap((bottomScore) =>
      grid
        .filter((topScore) => topScore >= bottomScore)
        .flatMap((topScore) => minVoxels.map((least) => meanDice(triplet(topScore, least, bottomScore, scope)))),
    );
    expect(tuned.tried).toBe(scores.length);
    expect(tuned.meanDice).toBeCloseTo(Math.max(...scores), 12);
    expect(meanDice(tuned.step)).toBeCloseTo(tuned.meanDice, 12);
    expect(tuned.meanDice).toBeGreaterThan(tuned.meanDiceAtHalf);
  });

  it("counts a case in which neither side has the label as 1, and takes the first of equals", () => {
    const empty = { probability: new Float32Array(4), truth: new Uint8Array(4), sliceVoxels: 4 };
    const tuned = tuneThresholds([empty], 3, { kind: "threshold", probability: [0.2, 0.6] });
    expect(tuned).toMatchObject({ meanDice: 1, step: { labels: [3], probability: 0.2 } });
  });

  it("refuses to tune on nothing", () => {
    expect(() => tuneThresholds([], 1, { kind: "threshold", probability: grid })).toThrow(RangeError);
    expect(() => tuneThresholds(cases, 1, { kind: "threshold", probability: [] })).toThrow(RangeError);
  });
});

function triplet(topScore: number, minVoxels: number, bottomScore: number, scope: "volume" | "slice") {
  return RefineStep.parse({ kind: "score-triplet", labels: [1], topScore, minVoxels, bottomScore, scope });
}
