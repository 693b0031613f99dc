/**
 * Rounds to the nearest whole number, halves to the even neighbour, as Python's `round` and numpy do.
 * `Math.round` takes halves upwards: 2.5 gives 3 there and 2 here.
 */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest < 0.5) return below;
  if (rest > 0.5) return below + 1;
  return below % 2 === 0 ? below : below + 1;
}
