import { normalShare } from "./bootstrap.js";

/** Most differences for which the p-value is exact; above, the normal approximation is good to three digits. */
const MOST_EXACT = 200;

/**
 * Two-sided p-value of the Wilcoxon signed-rank test: pairs without a difference are left out (`zero_method="wilcox"`),
 * equal differences share their mean rank. Exact, given the ranks, up to 200 differences; the normal approximation with
 * the correction for ties beyond.
 *
 * @returns NaN when no pair differs
 */
export function wilcoxonP(differences: readonly number[]): number {
  const changed = differences.filter((difference) => difference !== 0);
  const n = changed.length;
  if (n === 0) return Number.NaN;
  // Twice the rank, so that the mean of two ranks is a whole number.
  const ranks = doubleRanks(changed.map(Math.abs));
  const total = ranks.reduce((sum, rank) => sum + rank, 0);
  const up = ranks.reduce((sum, rank, i) => sum + ((changed[i] ?? 0) > 0 ? rank : 0), 0);
  const smaller = Math.min(up, total - up);
  if (n > MOST_EXACT) {
    const variance = ranks.reduce((sum, rank) => sum + rank * rank, 0) / 4;
    return Math.min(1, 2 * normalShare((smaller - total / 2) / Math.sqrt(variance)));
  }
  // Chance of each sum of the ranks that go up, each going up or down with probability 1/2.
  let chances = new Float64Array(total + 1);
  chances[0] = 1;
  for (const rank of ranks) {
    const next = new Float64Array(total + 1);
    for (let sum = 0; sum <= total; sum++) {
      const chance = (chances[sum] ?? 0) / 2;
      if (chance === 0) continue;
      next[sum] = (next[sum] ?? 0) + chance;
      next[sum + rank] = (next[sum + rank] ?? 0) + chance;
    }
    chances = next;
  }
  let tail = 0;
  for (let sum = 0; sum <= smaller; sum++) tail += chances[sum] ?? 0;
  return Math.min(1, 2 * tail);
}

function doubleRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Array<number>(values.length).fill(0);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && values[order[to] ?? 0] === values[order[from] ?? 0]) to++;
    for (let i = from; i < to; i++) ranks[order[i] ?? 0] = from + 1 + to;
    from = to;
  }
  return ranks;
}
