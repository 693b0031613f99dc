/** Bins of the histogram between the smallest and the largest value. */
const BINS = 256;

/**
 * Otsu's threshold: the bin centre that parts the histogram with the largest variance between the two sides (Otsu
 * 1979; scikit-image's `threshold_otsu` with 256 bins). Values above it are the bright side.
 *
 * @returns the value itself for a constant image
 */
export function otsuThreshold(image: Float32Array): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < image.length; i++) {
    if (image[i] < low) low = image[i];
    if (image[i] > high) high = image[i];
  }
  if (!(high > low)) return low;
  const counts = new Float64Array(BINS);
  const scale = BINS / (high - low);
  for (let i = 0; i < image.length; i++) counts[Math.min(BINS - 1, Math.floor((image[i] - low) * scale))]++;
  const centre = (bin: number): number => low + (bin + 0.5) / scale;
  let total = 0;
  for (let bin = 0; bin < BINS; bin++) total += counts[bin] * centre(bin);

  let best = -1;
  let threshold = low;
  let count = 0;
  let sum = 0;
  for (let bin = 0; bin < BINS - 1; bin++) {
    count += counts[bin];
    sum += counts[bin] * centre(bin);
    const rest = image.length - count;
    if (count === 0 || rest === 0) continue;
    const between = count * rest * (sum / count - (total - sum) / rest) ** 2;
    if (between > best) {
      best = between;
      threshold = centre(bin);
    }
  }
  return threshold;
}
