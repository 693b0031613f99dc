import { describe, expect, it } from "vitest";
import { mutualInformation } from "#src/imaging/mutual-information.js";
import { AnswerSpread } from "#src/inference/answer-spread.js";

describe("AnswerSpread", () => {
  const spreadOf = (answers: readonly (readonly number[])[], kind: "softmax" | "regions") => {
    const spread = new AnswerSpread(answers[0]?.length ?? 0, kind, 1);
    for (const logits of answers) spread.add(partOf(Float32Array.from(logits)));
    return spread.take(answers.length)[0];
  };

  it.each(["softmax", "regions"] as const)("is 0 of equal answers, however unsure they are (%s)", (kind) => {
    for (const logits of [
      [0, 0, 0],
      [1, -2, 0.5],
    ])
      expect(spreadOf([logits, logits, logits], kind)).toBeLessThan(1e-6);
  });

  it("is the largest where two certain answers oppose each other, of classes a share", () => {
    expect(
      spreadOf(
        [
          [50, -50],
          [-50, 50],
        ],
        "softmax",
      ),
    ).toBeCloseTo(1, 6);
    expect(
      spreadOf(
        [
          [50, 0, 0],
          [0, 50, 0],
        ],
        "softmax",
      ),
    ).toBeCloseTo(Math.log(2) / Math.log(3), 5);
    expect(
      spreadOf(
        [
          [50, -50],
          [50, 50],
        ],
        "regions",
      ),
    ).toBeCloseTo(1, 6);
  });

  it("takes the mean of probabilities, not of logits", () => {
    // H(0.6) - (H(0.9) + H(0.3)) / 2 in bits.
    const logit = (p: number) => Math.log(p / (1 - p));
    const expected = 0.97095 - (0.469 + 0.88129) / 2;
    expect(
      spreadOf(
        [
          [logit(0.9), 0],
          [logit(0.3), 0],
        ],
        "softmax",
      ),
    ).toBeCloseTo(expected, 4);
    expect(spreadOf([[logit(0.9)], [logit(0.3)]], "regions")).toBeCloseTo(expected, 4);
  });

  it("starts anew after take, and reads from an offset", () => {
    const spread = new AnswerSpread(2, "softmax", 1);
    spread.add(partOf(Float32Array.of(7, 7, 50, -50), 1, 2));
    spread.add(partOf(Float32Array.of(7, 7, -50, 50), 1, 2));
    expect(spread.take(2)[0]).toBeCloseTo(1, 6);
    spread.add(partOf(Float32Array.of(50, -50)));
    expect(spread.take(1)[0]).toBeCloseTo(0, 6);
  });

  it.each(["softmax", "regions"] as const)("takes answers in parts (%s)", (kind) => {
    const answers = [1, 2].map((n) => Float32Array.from({ length: 30 }, (_, i) => 3 * Math.sin(n * i)));
    const all = (parts: readonly (readonly [first: number, count: number])[]) => {
      const spread = new AnswerSpread(3, kind, 10);
      for (const logits of answers) {
        for (const [first, count] of parts) spread.add({ logits, offset: first, stride: 10, first, count });
      }
      return spread.take(2);
    };
    const whole = all([[0, 10]]);
    expect(whole.every((value) => value > 0)).toBe(true);
    expect(
      all([
        [7, 3],
        [0, 7],
      ]),
    ).toEqual(whole);
  });

  it.each([1, 2, 13, 2001])("is that of plain loops with Math.exp, bit for bit: %d voxels", (voxels) => {
    const classes = 7;
    let state = voxels;
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    // Logits so near and so far from each other that every branch of the exponential is taken.
    const scales = [0, 1e-9, 0.3, 1, 1.5, 20, 700, 745, 900];
    const answers = Array.from({ length: 3 }, () =>
      Float32Array.from({ length: classes * voxels }, () => random() * (scales[Math.floor(random() * 9)] ?? 1)),
    );
    const spread = new AnswerSpread(classes, "softmax", voxels);
    for (const answer of answers) spread.add(partOf(answer, voxels));
    expect(spread.take(answers.length)).toEqual(plainSpread(answers, classes, voxels));
  });
});

/** Logits of a whole answer, class after class. */
function partOf(logits: Float32Array, count = 1, offset = 0) {
  return { logits, offset, stride: count, first: 0, count };
}

/** Voxel by voxel, class by class. */
function plainSpread(answers: readonly Float32Array[], classes: number, voxels: number): Float32Array {
  const mean = Array.from({ length: classes }, () => new Float32Array(voxels));
  const entropy = new Float32Array(voxels);
  const at = (values: Float32Array | undefined, i: number) => values?.[i] ?? 0;
  for (const answer of answers) {
    for (let i = 0; i < voxels; i++) {
      const logits = mean.map((_, c) => at(answer, c * voxels + i));
      const largest = Math.max(...logits);
      const terms = logits.map((logit) => Math.exp(logit - largest));
      const sum = terms.reduce((all, term) => all + term, 0);
      const moment = terms.reduce((all, term, c) => all + ((logits[c] ?? 0) - largest) * term, 0);
      for (const [c, sums] of mean.entries()) sums[i] = at(sums, i) + (terms[c] ?? 0) / sum;
      entropy[i] = at(entropy, i) + (Math.log(sum) - moment / sum);
    }
  }
  const divided = (sums: Float32Array) => sums.map((value) => value / answers.length);
  return mutualInformation(mean.map(divided), [divided(entropy)], "softmax");
}
