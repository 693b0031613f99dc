export const COLUMNS = 12;
export const ROWS = 10;

/** The pixels that the streams were made of: a slope with seeded noise, samples of a pixel beside each other. */
export function phantom(bits: 8 | 12 | 16, samples: 1 | 3 = 1): number[] {
  let state = 20_261;
  return Array.from({ length: COLUMNS * ROWS * samples }, (_, i) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const pixel = Math.floor(i / samples);
    const height = (pixel % COLUMNS) + 2 * Math.floor(pixel / COLUMNS) + 3 * (i % samples);
    return (Math.floor((height * 2 ** bits) / 48) + (state >>> (32 - bits + 3))) & (2 ** bits - 1);
  });
}
