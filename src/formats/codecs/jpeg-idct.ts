// The inverse cosine transform of the Independent JPEG Group's library (jidctint.c, "islow": Loeffler, Ligtenberg and
// Moschytz 1989 in 13-bit fixed point), so that decoded samples are those of the programs that everybody compares with.

const BITS = 13;
const F_0_298 = 2446;
const F_0_390 = 3196;
const F_0_541 = 4433;
const F_0_765 = 6270;
const F_0_899 = 7373;
const F_1_175 = 9633;
const F_1_501 = 12_299;
const F_1_847 = 15_137;
const F_1_961 = 16_069;
const F_2_053 = 16_819;
const F_2_562 = 20_995;
const F_3_072 = 25_172;

const work = new Int32Array(64);

/**
 * One block of 8 x 8 samples.
 *
 * @param coefficients 64 dequantised coefficients from `from` on, row by row
 * @param precision 8 or 12 bits a sample
 * @param out samples from `to` on, `stride` apart from row to row
 */
export function inverseDct(
  coefficients: Int32Array,
  from: number,
  precision: number,
  out: Uint16Array,
  to: number,
  stride: number,
): void {
  const extra = precision === 8 ? 2 : 1;
  for (let c = 0; c < 8; c++) pass(coefficients, from + c, 8, work, c, 8, BITS - extra);
  const centre = 1 << (precision - 1);
  const largest = (1 << precision) - 1;
  for (let r = 0; r < 8; r++) {
    pass(work, 8 * r, 1, work, 8 * r, 1, BITS + extra + 3);
    for (let c = 0; c < 8; c++) {
      const sample = (work[8 * r + c] as number) + centre;
      out[to + r * stride + c] = sample < 0 ? 0 : Math.min(sample, largest);
    }
  }
}

/** Eight numbers, `step` apart, transformed and divided by 2^shift with rounding. */
function pass(
  source: Int32Array,
  at: number,
  step: number,
  out: Int32Array,
  to: number,
  outStep: number,
  shift: number,
): void {
  const s = (k: number): number => source[at + k * step] as number;
  const [s0, s1, s2, s3, s4, s5, s6, s7] = [s(0), s(1), s(2), s(3), s(4), s(5), s(6), s(7)];

  const e1 = (s2 + s6) * F_0_541;
  const even2 = e1 - s6 * F_1_847;
  const even3 = e1 + s2 * F_0_765;
  const even0 = (s0 + s4) * 2 ** BITS;
  const even1 = (s0 - s4) * 2 ** BITS;
  const t10 = even0 + even3;
  const t13 = even0 - even3;
  const t11 = even1 + even2;
  const t12 = even1 - even2;

  const z5 = (s7 + s3 + (s5 + s1)) * F_1_175;
  const z1 = (s7 + s1) * -F_0_899;
  const z2 = (s5 + s3) * -F_2_562;
  const z3 = (s7 + s3) * -F_1_961 + z5;
  const z4 = (s5 + s1) * -F_0_390 + z5;
  const o0 = s7 * F_0_298 + z1 + z3;
  const o1 = s5 * F_2_053 + z2 + z4;
  const o2 = s3 * F_3_072 + z2 + z3;
  const o3 = s1 * F_1_501 + z1 + z4;

  const half = 2 ** (shift - 1);
  const scale = 2 ** shift;
  const put = (k: number, value: number): void => {
    out[to + k * outStep] = Math.floor((value + half) / scale);
  };
  put(0, t10 + o3);
  put(7, t10 - o3);
  put(1, t11 + o2);
  put(6, t11 - o2);
  put(2, t12 + o1);
  put(5, t12 - o1);
  put(3, t13 + o0);
  put(4, t13 - o0);
}
