import type { CrfProblem } from "#src/refine/crf/dense-crf.js";

/** Mean field of the same energy by sums over all pairs, in double precision: the truth for a few hundred points. */
export function bruteForceCrf({ probabilities, kernels, iterations }: CrfProblem): Float32Array[] {
  const points = probabilities[0]?.length ?? 0;
  const weights = kernels.map(({ features, dimensions: d }) => {
    const k = new Float64Array(points * points);
    for (let i = 0; i < points; i++) {
      for (let j = 0; j < points; j++) {
        let square = 0;
        for (let n = 0; n < d; n++) square += ((features[i * d + n] ?? 0) - (features[j * d + n] ?? 0)) ** 2;
        k[i * points + j] = Math.exp(-square / 2);
      }
    }
    const norms = Float64Array.from({ length: points }, (_, i) =>
      k.subarray(i * points, (i + 1) * points).reduce((sum, v) => sum + v, 0),
    );
    return k.map((v, at) => v / Math.sqrt((norms[Math.floor(at / points)] ?? 1) * (norms[at % points] ?? 1)));
  });
  const logits = probabilities.map((p) => Float64Array.from(p, (v) => Math.log(Math.min(1, Math.max(1e-5, v)))));
  let q = softmax(logits);
  for (let n = 0; n < iterations; n++) {
    const now = q;
    const energies = logits.map((unary, label) => {
      const given = now[label] ?? new Float64Array(0);
      return unary.map((own, i) => {
        let energy = own;
        for (const [at, { weight }] of kernels.entries()) {
          const row = weights[at]?.subarray(i * points, (i + 1) * points) ?? new Float64Array(0);
          let sum = 0;
          for (let j = 0; j < points; j++) sum += (row[j] ?? 0) * (given[j] ?? 0);
          energy += weight * sum;
        }
        return energy;
      });
    });
    q = softmax(energies);
  }
  return q.map((marginal) => Float32Array.from(marginal));
}

function softmax(logits: readonly Float64Array[]): Float64Array[] {
  const points = logits[0]?.length ?? 0;
  const sums = new Float64Array(points);
  const exps = logits.map((values) => values.map((v) => Math.exp(v)));
  for (const values of exps) for (let i = 0; i < points; i++) sums[i] = (sums[i] ?? 0) + (values[i] ?? 0);
  return exps.map((values) => values.map((v, i) => v / (sums[i] ?? 1)));
}
