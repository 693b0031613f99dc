import { describe, expect, it } from "vitest";
import {
  labelsOfStep,
  misfitIssue,
  needsImage,
  needsProbabilities,
  overlapIssue,
  RefineStep,
  RefineSteps,
} from "#src/model/refine-steps.js";

/** The field and message of the first problem. */
function problem(...steps: unknown[]): string {
  const [issue] = RefineSteps.safeParse(steps).error?.issues ?? [];
  return issue === undefined ? "none" : `${issue.path.join(".")}: ${issue.message}`;
}

const crf = { kind: "dense-crf", smoothness: { weight: 1, widthMm: 2 } };
const largest = { kind: "largest-component", labels: [1] };
const hysteresis = { kind: "hysteresis", labels: [1], low: 0.3, high: 0.6 };

describe("RefineSteps", () => {
  it.each([
    [{ kind: "sharpen", labels: [1] }, /^0\.kind: Invalid/],
    [{ ...largest, connectivity: 7 }, /^0\.connectivity: /],
    [{ ...largest, conectivity: 6 }, /conectivity/],
    [{ ...largest, labels: [0] }, /^0\.labels\.0: /],
    [{ ...largest, labels: [2, 2] }, /^0\.labels: a label is named twice/],
    [{ kind: "morphology", labels: [1], operation: "open", radiusMm: -2 }, /^0\.radiusMm: /],
    [{ kind: "threshold", labels: [1, 2], probability: [0.5] }, /^0\.probability: expected one probability/],
    [{ kind: "threshold", labels: [1], probability: Number.NaN }, /^0\.probability: /],
    [{ kind: "remove-small", labels: [1] }, /^0\.minMm3: expected one of/],
    [{ kind: "remove-small", labels: [1], minMm3: 1, minVoxels: 1 }, /^0\.minMm3: expected one of/],
    [{ kind: "fill-holes", labels: [1], maxMm3: 1, maxVoxels: 1 }, /^0\.maxMm3: expected at most one of/],
    [{ ...hysteresis, low: 0.7 }, /^0\.low: expected at most `high`/],
    [{ kind: "otsu", labels: [1], classes: 3, keep: [3] }, /^0\.keep: a class to keep must be below/],
    [{ kind: "keep-near", labels: [1], anatomy: [2] }, /^0\.withinMm: expected one of/],
    [{ kind: "screen-components", labels: [1] }, /^0\.score: expected at least one of/],
    [{ kind: "score-triplet", labels: [1], topScore: 0.5, bottomScore: 0.7, minVoxels: 1 }, /^0\.bottomScore: /],
    [{ kind: "score-triplet", labels: [1], topScore: 0.5, bottomScore: 0.3 }, /^0\.minVoxels: expected one of/],
  ])("refuses %j and names the field", (step, expected) => {
    expect(problem(step)).toMatch(expected);
  });

  it("wants steps that decide anew before those whose work they would undo", () => {
    expect(problem(crf, largest)).toBe("none");
    expect(problem(largest, crf)).toBe(
      "1.kind: dense-crf decides anew and undoes step 1 (largest-component), expected before it",
    );
    expect(problem(largest, hysteresis)).toMatch(/^1\.kind: hysteresis decides anew/);
    expect(problem({ ...largest, labels: [2] }, hysteresis)).toBe("none");
    expect(problem(crf, { kind: "threshold", labels: [1], probability: 0.7 }, largest)).toBe("none");
    expect(problem(largest, { kind: "threshold", labels: [1], probability: 0.3, from: "probabilities" })).toMatch(/^1/);
  });

  it("wants one step alone to decide anew for a label, after a CRF or not", () => {
    const threshold = { kind: "threshold", labels: [1], probability: 0.3, from: "probabilities" };
    const vote = { kind: "superpixel-vote", edgeMm: 3, use: "probabilities" };
    expect(problem(threshold, hysteresis)).toBe(
      "1.kind: hysteresis decides anew and undoes step 1 (threshold), expected one of them",
    );
    expect(problem(threshold, crf)).toMatch(/^1\.kind: dense-crf decides anew and undoes step 1 \(threshold\)/);
    expect(problem(vote, threshold)).toMatch(/^1\.kind: threshold/);
    expect(problem({ ...threshold, labels: [2] }, hysteresis)).toBe("none");
    expect(problem(crf, threshold)).toBe("none");
    expect(problem(crf, vote)).toBe("none");
    expect(problem(crf, crf, threshold)).toBe("none");
    expect(problem(crf, { kind: "otsu", labels: [1], source: "image" })).toMatch(/^1\.kind: otsu/);
  });

  it("lets steps decide by what a CRF on labels made of the steps before it", () => {
    const ofLabels = { ...crf, unary: { from: "labels", confidence: 0.9 } };
    const threshold = { kind: "threshold", labels: [1], probability: 0.3, from: "probabilities" };
    expect(problem(threshold, largest, ofLabels, threshold)).toBe("none");
    expect(problem(threshold, ofLabels, largest, threshold)).toMatch(/^3\.kind: .* undoes step 3 \(largest/);
    for (const idle of [{ iterations: 0 }, { smoothness: { weight: 0, widthMm: 1 }, appearance: undefined }]) {
      expect(problem(threshold, largest, { ...ofLabels, ...idle }, threshold)).toMatch(/^3\.kind: .* undoes step 1/);
    }
    expect(problem(largest, ofLabels, { kind: "otsu", labels: [1], source: "image" })).toMatch(/^2\.kind: otsu/);
  });
});

describe("steps of a model", () => {
  it("name its labels, and have penalties for all of them", () => {
    const penalties = [[0, 1], [1, 0]]; // biome-ignore format: a matrix
    const issue = (labels: number[], ...steps: object[]) => misfitIssue(RefineSteps.parse(steps), labels);
    expect(issue([7], { ...crf, penalties })).toBeNull();
    expect(issue([1, 2], crf, { ...crf, penalties })).toEqual({
      code: "custom",
      path: ["postprocess", 1, "penalties"],
      message: "2 rows for 2 labels, expected 3: background first",
    });
    expect(issue([2], crf, largest)).toMatchObject({ path: ["postprocess", 1, "labels"] });
  });
});

describe("what a step asks for", () => {
  const step = (value: object): RefineStep => RefineStep.parse({ labels: [1], ...value });

  it("says whether it reads probabilities or the image", () => {
    const asks = (value: object) => [needsProbabilities(step(value)), needsImage(step(value))];
    expect(asks({ kind: "otsu" })).toEqual([true, false]);
    expect(asks({ kind: "otsu", source: "image" })).toEqual([false, true]);
    expect(asks({ kind: "screen-components", size: { minMm3: 1 } })).toEqual([false, false]);
    expect(asks({ kind: "screen-components", score: { statistic: "max", min: 0.5 } })).toEqual([true, false]);
    expect(asks(hysteresis)).toEqual([true, false]);
    expect(asks({ kind: "fill-holes" })).toEqual([false, false]);
  });

  it("names every label, that of an anatomy too", () => {
    expect(labelsOfStep(step({ kind: "keep-near", anatomy: [4], withinMm: 2 }))).toEqual([1, 4]);
    expect(labelsOfStep(step({ kind: "screen-components", anatomy: { labels: [5], withinMm: 1 } }))).toEqual([1, 5]);
    expect(labelsOfStep(step({ kind: "fill-holes" }))).toEqual([1]);
  });
});

describe("overlapIssue", () => {
  const issueOf = (regions: number[], ...steps: unknown[]) => overlapIssue(RefineSteps.parse(steps), regions);
  const ofLabels = { ...crf, unary: { from: "labels", confidence: 0.9 } };

  it("names the CRF on probabilities of several regions, in whatever place", () => {
    const conv = { kind: "conv-crf", radiusMm: 2, smoothness: { weight: 1, widthMm: 1 } };
    expect(issueOf([1, 2], crf)?.path).toEqual(["postprocess", 0, "kind"]);
    expect(issueOf([3, 1], conv, largest)?.message).toMatch(/^conv-crf on probabilities of regions 3, 1/);
    // Without an iteration it makes no marginals.
    expect(issueOf([1, 2], { ...ofLabels, iterations: 0 }, crf)?.path).toEqual(["postprocess", 1, "kind"]);
  });

  it("finds nothing in classes, in a region alone and after a CRF on labels", () => {
    expect(issueOf([], crf)).toBeNull();
    expect(issueOf([4], crf)).toBeNull();
    expect(issueOf([1, 2], ofLabels, largest)).toBeNull();
    expect(issueOf([1, 2], { kind: "fill-holes", labels: [1] }, ofLabels, crf)).toBeNull();
  });
});
