import type { PixelFormat } from "./pixel-format.js";

// Factors of libjpeg's conversion (jdcolor.c), in 16-bit fixed point.
const FIXED_BITS = 16;
const HALF = 1 << (FIXED_BITS - 1);
const RED_OF_CR = 91_881;
const GREEN_OF_CB = -22_554;
const GREEN_OF_CR = -46_802;
const BLUE_OF_CB = 116_130;

/**
 * A format's shares of the red, green and blue that a full-range luminance and its two colour differences give (PS3.3
 * C.7.6.3.1.2): rounded to whole numbers and cut to their range as libjpeg does, and so not the luminance that was
 * stored wherever a colour is beyond what can be shown.
 */
export function ybrChannel(
  y: number,
  cb: number,
  cr: number,
  { bitsStored: bits, shares }: Pick<PixelFormat, "bitsStored" | "shares">,
): number {
  const centre = 2 ** (bits - 1);
  const largest = 2 ** bits - 1;
  const [blueness, redness] = [cb - centre, cr - centre];
  const red = cut(y + fixed(RED_OF_CR * redness), largest);
  const green = cut(y + fixed(GREEN_OF_CB * blueness + GREEN_OF_CR * redness), largest);
  const blue = cut(y + fixed(BLUE_OF_CB * blueness), largest);
  return shares[0] * red + shares[1] * green + shares[2] * blue;
}

function fixed(product: number): number {
  return Math.floor((product + HALF) / 2 ** FIXED_BITS);
}

function cut(value: number, largest: number): number {
  return Math.max(0, Math.min(value, largest));
}
