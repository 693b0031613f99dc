/** The smallest and the largest number; of zeros the first one's sign counts. Without numbers: infinite, the wrong way round. */
export function extremes(data: ArrayLike<number>): [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    if (data[i] < low) low = data[i];
    if (data[i] > high) high = data[i];
  }
  return [low, high];
}
