import { describe, expect, it } from "vitest";
import { addEntropyTerms, raiseToLogitEntropy, raiseToShare, SoftmaxEntropy } from "#src/imaging/entropy.js";

/** Logits of these probabilities. */
const logitsOf = (p: readonly number[]) => p.map((one) => Math.log(one));
/** As a share of the largest, term by term. */
const entropyOf = (p: readonly number[]) =>
  p.reduce((sum, one) => sum - (one > 0 ? one * Math.log(one) : 0), 0) / Math.log(p.length);

/** Entropy of one voxel's classes, in their order. */
function ofLogits(logits: readonly number[]): number {
  const entropy = new SoftmaxEntropy(1);
  for (const logit of logits) entropy.add(Float32Array.of(logit), 1);
  const out = new Float32Array(1);
  entropy.write(out, 0, 1);
  return out[0] ?? Number.NaN;
}

describe("SoftmaxEntropy", () => {
  const known = [0.7, 0.2, 0.1];

  it.each([
    ["falling", known, 0.7298],
    ["rising", known.toReversed(), 0.7298],
    ["equal", [0.25, 0.25, 0.25, 0.25], 1],
    ["two equal of three", [0.5, 1e-30, 0.5], 0.6309],
  ])("is known for known probabilities, %s", (_, probabilities, expected) => {
    expect(entropyOf(probabilities)).toBeCloseTo(expected, 4);
    expect(ofLogits(logitsOf(probabilities))).toBeCloseTo(expected, 4);
  });

  it("does not care for what is added to all logits", () => {
    for (const shift of [-500, 500]) {
      expect(ofLogits(logitsOf(known).map((z) => z + shift))).toBeCloseTo(entropyOf(known), 3);
    }
  });

  it("is 0 where one class is certain, wherever it comes, and with logits beyond half precision", () => {
    for (const logits of [
      [300, 0, -300],
      [-300, 0, 300],
      [0, Number.POSITIVE_INFINITY, 0],
      [0, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ]) {
      expect(ofLogits(logits)).toBe(0);
    }
    expect(ofLogits([Number.NEGATIVE_INFINITY, 5, 5, 5])).toBeCloseTo(Math.log(3) / Math.log(4), 5);
  });

  it("works voxel by voxel, from the start after clear", () => {
    const entropy = new SoftmaxEntropy(4);
    entropy.add(Float32Array.of(9, 9, 9, 9), 4);
    entropy.clear();
    for (const z of [Float32Array.of(0, 4), Float32Array.of(0, 0)]) entropy.add(z, 2);
    const out = new Float32Array(4);
    entropy.write(out, 1, 2);
    const p = 1 / (1 + Math.exp(4));
    expect(Array.from(out)).toEqual([0, 1, expect.closeTo(entropyOf([p, 1 - p]), 5), 0]);
  });

  it("agrees with the entropy of the probabilities themselves", () => {
    const probabilities = [0.05, 0.6, 0.15, 0.2];
    const nats = new Float32Array(1);
    for (const p of probabilities) addEntropyTerms(nats, 0, Float32Array.of(p), 1);
    const out = new Float32Array(1);
    raiseToShare(out, 0, nats, 1, 4);
    expect(out[0]).toBeCloseTo(ofLogits(logitsOf(probabilities)), 5);
  });
});

describe("raiseToLogitEntropy", () => {
  it("is the entropy of a region, of several that of the least certain", () => {
    const out = new Float32Array(5);
    const logits = Float32Array.of(0, Math.log(3), -Math.log(3), 200, Number.NEGATIVE_INFINITY);
    raiseToLogitEntropy(out, 0, logits, 5);
    // H(1/4) = 2 - (3/4) log2 3 bits.
    const quarter = expect.closeTo(0.8113, 4);
    expect(Array.from(out)).toEqual([1, quarter, quarter, 0, 0]);
    raiseToLogitEntropy(out, 0, new Float32Array(5).fill(300), 5);
    expect(Array.from(out)).toEqual([1, quarter, quarter, 0, 0]);
  });
});
