// The phantoms of the comparison. Training and test differ in seed (so in anatomy's warp, brightness, texture, noise),
// in bias and in the tumour's side; nothing was chosen by looking at the test set.
import type { PhantomOptions } from "./phantom.js";

export const NOISE_PERCENT = [3, 5, 7, 9] as const;
export const TEST_BIAS_PERCENT = [0, 20, 40] as const;
const TRAIN_BIAS_PERCENT = [10, 30] as const;
const TEST_PHANTOMS_A_LEVEL = 2;

export const TRAINING_SET: readonly PhantomOptions[] = NOISE_PERCENT.flatMap((noisePercent, n) =>
  TRAIN_BIAS_PERCENT.map(
    (biasPercent, b): PhantomOptions => ({ seed: 1 + 2 * n + b, noisePercent, biasPercent, tumourSide: "left" }),
  ),
);

export const TEST_SET: readonly PhantomOptions[] = NOISE_PERCENT.flatMap((noisePercent, n) =>
  TEST_BIAS_PERCENT.flatMap((biasPercent, b) =>
    Array.from(
      { length: TEST_PHANTOMS_A_LEVEL },
      (_, k): PhantomOptions => ({ seed: 1001 + 100 * n + 10 * b + k, noisePercent, biasPercent, tumourSide: "right" }),
    ),
  ),
);
