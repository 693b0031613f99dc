import type { ActivationKind } from "#src/imaging/mutual-information.js";

/** Probabilities of one slice, one array a class: softmax over all of them, or each its sigmoid. In single precision. */
export function activated(logits: readonly Float32Array[], kind: ActivationKind): readonly Float32Array[] {
  const out = logits.map((values) => new Float32Array(values.length));
  const length = logits[0]?.length ?? 0;
  if (kind === "regions") {
    for (const [c, values] of logits.entries()) {
      const to = out[c] as Float32Array;
      for (let i = 0; i < length; i++) to[i] = 1 / (1 + Math.exp(-(values[i] as number)));
    }
    return out;
  }
  const largest = new Float32Array(length).fill(Number.NEGATIVE_INFINITY);
  const sum = new Float32Array(length);
  for (const values of logits) {
    for (let i = 0; i < length; i++) largest[i] = Math.max(largest[i] as number, values[i] as number);
  }
  for (const [c, values] of logits.entries()) {
    const to = out[c] as Float32Array;
    for (let i = 0; i < length; i++) {
      to[i] = Math.exp((values[i] as number) - (largest[i] as number));
      sum[i] = (sum[i] as number) + (to[i] as number);
    }
  }
  for (const values of out) for (let i = 0; i < length; i++) values[i] = (values[i] as number) / (sum[i] as number);
  return out;
}
