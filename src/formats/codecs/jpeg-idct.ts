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
 * Written out twice, down the columns and along the rows: with a function for the eight numbers it takes four times as
 * long.
 *
 * @param coefficients 64 coefficients from `from` on, row by row
 * @param factors what each of the 64 is multiplied by
 * @param precision 8 or 12 bits a sample
 * @param out samples from `to` on, `stride` apart from row to row
 */
export function inverseDct(
  coefficients: Int32Array,
  from: number,
  factors: Int32Array,
  precision: number,
  out: Uint16Array,
  to: number,
  stride: number,
): void {
  const extra = precision === 8 ? 2 : 1;
  const columnShift = BITS - extra;
  const columnHalf = 1 << (columnShift - 1);
  for (let c = 0; c < 8; c++) {
    const at = from + c;
    const s0 = Math.imul(coefficients[at] as number, factors[c] as number);
    const s1 = Math.imul(coefficients[at + 8] as number, factors[c + 8] as number);
    const s2 = Math.imul(coefficients[at + 16] as number, factors[c + 16] as number);
    const s3 = Math.imul(coefficients[at + 24] as number, factors[c + 24] as number);
    const s4 = Math.imul(coefficients[at + 32] as number, factors[c + 32] as number);
    const s5 = Math.imul(coefficients[at + 40] as number, factors[c + 40] as number);
    const s6 = Math.imul(coefficients[at + 48] as number, factors[c + 48] as number);
    const s7 = Math.imul(coefficients[at + 56] as number, factors[c + 56] as number);
    if ((s1 | s2 | s3 | s4 | s5 | s6 | s7) === 0) {
      const flat = s0 << extra;
      for (let k = 0; k < 64; k += 8) work[k + c] = flat;
      continue;
    }
    const e1 = Math.imul(s2 + s6, F_0_541);
    const even2 = e1 - Math.imul(s6, F_1_847);
    const even3 = e1 + Math.imul(s2, F_0_765);
    const even0 = (s0 + s4) << BITS;
    const even1 = (s0 - s4) << BITS;
    const t10 = even0 + even3 + columnHalf;
    const t13 = even0 - even3 + columnHalf;
    const t11 = even1 + even2 + columnHalf;
    const t12 = even1 - even2 + columnHalf;
    const z5 = Math.imul(s7 + s3 + s5 + s1, F_1_175);
    const z1 = -Math.imul(s7 + s1, F_0_899);
    const z2 = -Math.imul(s5 + s3, F_2_562);
    const z3 = z5 - Math.imul(s7 + s3, F_1_961);
    const z4 = z5 - Math.imul(s5 + s1, F_0_390);
    const o0 = Math.imul(s7, F_0_298) + z1 + z3;
    const o1 = Math.imul(s5, F_2_053) + z2 + z4;
    const o2 = Math.imul(s3, F_3_072) + z2 + z3;
    const o3 = Math.imul(s1, F_1_501) + z1 + z4;
    work[c] = (t10 + o3) >> columnShift;
    work[c + 56] = (t10 - o3) >> columnShift;
    work[c + 8] = (t11 + o2) >> columnShift;
    work[c + 48] = (t11 - o2) >> columnShift;
    work[c + 16] = (t12 + o1) >> columnShift;
    work[c + 40] = (t12 - o1) >> columnShift;
    work[c + 24] = (t13 + o0) >> columnShift;
    work[c + 32] = (t13 - o0) >> columnShift;
  }
  const rowShift = BITS + extra + 3;
  const centre = 1 << (precision - 1);
  const largest = (1 << precision) - 1;
  const rowHalf = 1 << (rowShift - 1);
  for (let r = 0; r < 8; r++) {
    const at = 8 * r;
    const line = to + r * stride;
    const s0 = work[at] as number;
    const s1 = work[at + 1] as number;
    const s2 = work[at + 2] as number;
    const s3 = work[at + 3] as number;
    const s4 = work[at + 4] as number;
    const s5 = work[at + 5] as number;
    const s6 = work[at + 6] as number;
    const s7 = work[at + 7] as number;
    const e1 = Math.imul(s2 + s6, F_0_541);
    const even2 = e1 - Math.imul(s6, F_1_847);
    const even3 = e1 + Math.imul(s2, F_0_765);
    const even0 = (s0 + s4) << BITS;
    const even1 = (s0 - s4) << BITS;
    const t10 = even0 + even3;
    const t13 = even0 - even3;
    const t11 = even1 + even2;
    const t12 = even1 - even2;
    const z5 = Math.imul(s7 + s3 + s5 + s1, F_1_175);
    const z1 = -Math.imul(s7 + s1, F_0_899);
    const z2 = -Math.imul(s5 + s3, F_2_562);
    const z3 = z5 - Math.imul(s7 + s3, F_1_961);
    const z4 = z5 - Math.imul(s5 + s1, F_0_390);
    const o0 = Math.imul(s7, F_0_298) + z1 + z3;
    const o1 = Math.imul(s5, F_2_053) + z2 + z4;
    const o2 = Math.imul(s3, F_3_072) + z2 + z3;
    const o3 = Math.imul(s1, F_1_501) + z1 + z4;
    out[line] = clipped(((t10 + o3 + rowHalf) >> rowShift) + centre, largest);
    out[line + 7] = clipped(((t10 - o3 + rowHalf) >> rowShift) + centre, largest);
    out[line + 1] = clipped(((t11 + o2 + rowHalf) >> rowShift) + centre, largest);
    out[line + 6] = clipped(((t11 - o2 + rowHalf) >> rowShift) + centre, largest);
    out[line + 2] = clipped(((t12 + o1 + rowHalf) >> rowShift) + centre, largest);
    out[line + 5] = clipped(((t12 - o1 + rowHalf) >> rowShift) + centre, largest);
    out[line + 3] = clipped(((t13 + o0 + rowHalf) >> rowShift) + centre, largest);
    out[line + 4] = clipped(((t13 - o0 + rowHalf) >> rowShift) + centre, largest);
  }
}

function clipped(sample: number, largest: number): number {
  return sample < 0 ? 0 : Math.min(sample, largest);
}
