// The loops between a network's answer and the label map: tiles are blended into a window of half- or single-precision
// sums, answers about the same voxels are compared, and logits are resized and compared. WebAssembly with SIMD, no library and no state: every
// address comes from the caller, every length is in numbers, not bytes.
//
// Arithmetic is that of the plain loops the tests compare it with, operation by operation; wherever four numbers are
// worked on together they are four voxels, never terms of one sum.

#include <wasm_simd128.h>

typedef signed int i32;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned long long u64;
typedef v128_t f4;

#define EXPORT __attribute__((visibility("default")))
#define ALWAYS static inline __attribute__((always_inline))

// ---------------------------------------------------------------------------------------------- half precision

// Bits of four float32 numbers rounded to half precision (binary16), to nearest, halves to even. A number of exponent e
// that is added to 2^(e + 13) loses what is below 2^(e - 10), the step of half precision, and float32's own rounding is
// the wanted one; exponents below -14 share the step of subnormal numbers. What is left of the sum counts those steps.
ALWAYS v128_t toHalf(f4 value) {
  const v128_t size = wasm_v128_and(value, wasm_i32x4_const_splat(0x7fffffff));
  // From 65,536 on everything is infinite, and 65,520 rounds to that.
  const v128_t cut = wasm_i32x4_min(size, wasm_i32x4_const_splat(0x47800000));
  const v128_t exponent =
    wasm_i32x4_max(wasm_v128_and(cut, wasm_i32x4_const_splat(0x7f800000)), wasm_i32x4_const_splat(0x38800000));
  const v128_t magic = wasm_i32x4_add(exponent, wasm_i32x4_const_splat(13 << 23));
  const v128_t steps = wasm_i32x4_sub(wasm_f32x4_add(cut, magic), magic);
  const v128_t above = wasm_i32x4_sub(wasm_u32x4_shr(exponent, 13), wasm_i32x4_const_splat(113 << 10));
  const v128_t sign = wasm_v128_and(wasm_u32x4_shr(value, 16), wasm_i32x4_const_splat(0x8000));
  const v128_t nan = wasm_v128_and(wasm_f32x4_ne(value, value), wasm_i32x4_const_splat(0x200));
  return wasm_v128_or(wasm_v128_or(wasm_i32x4_add(above, steps), sign), nan);
}

// Four float32 numbers of half-precision bits. Moved by thirteen bits, the exponent is 112 too small. A subnormal number
// gets the next larger exponent, and what that adds is taken away: float32's own subnormal numbers would be slow.
ALWAYS f4 fromHalf(v128_t bits) {
  const v128_t size = wasm_i32x4_shl(wasm_v128_and(bits, wasm_i32x4_const_splat(0x7fff)), 13);
  const v128_t small = wasm_i32x4_lt(size, wasm_i32x4_const_splat(0x400 << 13));
  const v128_t moved = wasm_i32x4_add(wasm_i32x4_add(size, wasm_i32x4_const_splat(112 << 23)),
                                      wasm_v128_and(small, wasm_i32x4_const_splat(1 << 23)));
  const f4 scaled = wasm_f32x4_sub(moved, wasm_v128_and(small, wasm_i32x4_const_splat(113 << 23)));
  const v128_t special = wasm_v128_and(wasm_i32x4_ge(size, wasm_i32x4_const_splat(0x7c00 << 13)),
                                       wasm_i32x4_const_splat(0x7f800000));
  const v128_t sign = wasm_i32x4_shl(wasm_v128_and(bits, wasm_i32x4_const_splat(0x8000)), 16);
  return wasm_v128_or(wasm_v128_or(scaled, special), sign);
}

// Most numbers are neither subnormal nor infinite, before and after. Eight at a time they go a shorter way.

#define SMALLEST_NORMAL 0x38800000  // 2^-14 in single precision
#define TO_INFINITE 0x477ff000      // 65,520

typedef struct {
  f4 low, high;
} f8;

ALWAYS f8 loadAll(const u16 *at) {
  const f8 value = {fromHalf(wasm_u32x4_load16x4(at)), fromHalf(wasm_u32x4_load16x4(at + 4))};
  return value;
}
ALWAYS void storeAll(u16 *at, f8 value) {
  wasm_v128_store(at, wasm_u16x8_narrow_i32x4(toHalf(value.low), toHalf(value.high)));
}

// Eight numbers, none of which may be subnormal, infinite or no number.
ALWAYS f8 loadUsual(const u16 *at) {
  const v128_t kept = wasm_i32x4_const_splat(0x8fffe000);
  const f4 scale = wasm_f32x4_const_splat(0x1p112f);
  const f8 value = {wasm_f32x4_mul(wasm_v128_and(wasm_i32x4_shl(wasm_i32x4_load16x4(at), 13), kept), scale),
                    wasm_f32x4_mul(wasm_v128_and(wasm_i32x4_shl(wasm_i32x4_load16x4(at + 4), 13), kept), scale)};
  return value;
}
// To read subnormal ones so would be slow, too.
ALWAYS i32 areUnusual(const u16 *at) {
  const v128_t size = wasm_v128_and(wasm_v128_load(at), wasm_i16x8_const_splat(0x7fff));
  const v128_t small = wasm_u16x8_lt(wasm_i16x8_sub(size, wasm_i16x8_const_splat(1)), wasm_i16x8_const_splat(0x3ff));
  return wasm_v128_any_true(wasm_v128_or(small, wasm_i16x8_gt(size, wasm_i16x8_const_splat(0x7bff))));
}
// Whether any would not become normal half-precision numbers; zeros count.
ALWAYS i32 becomeUnusual(f8 value) {
  const v128_t low = wasm_v128_and(value.low, wasm_i32x4_const_splat(0x7fffffff));
  const v128_t high = wasm_v128_and(value.high, wasm_i32x4_const_splat(0x7fffffff));
  const v128_t small = wasm_i32x4_lt(wasm_i32x4_min(low, high), wasm_i32x4_const_splat(SMALLEST_NORMAL));
  const v128_t large = wasm_i32x4_ge(wasm_i32x4_max(low, high), wasm_i32x4_const_splat(TO_INFINITE));
  return wasm_v128_any_true(wasm_v128_or(small, large));
}
// Thirteen bits go: half of the last one kept less one, plus that bit's own parity, carries where it must.
ALWAYS v128_t carried(f4 value, i32 more) {
  const v128_t parity = wasm_v128_and(wasm_u32x4_shr(value, 13), wasm_i32x4_const_splat(1));
  return wasm_i32x4_add(wasm_i32x4_add(value, parity), wasm_i32x4_splat(0xfff + more));
}
ALWAYS v128_t usualHalf(f4 value) {
  const v128_t moved = wasm_i32x4_shl(carried(value, -(112 << 23)), 3);
  return wasm_u32x4_shr(wasm_v128_bitselect(value, moved, wasm_i32x4_const_splat(0x80000000)), 16);
}
ALWAYS f4 usualRounded(f4 value) {
  return wasm_v128_and(carried(value, 0), wasm_i32x4_const_splat(0xffffe000));
}

ALWAYS f4 loadHalf1(const u16 *at) { return fromHalf(wasm_i32x4_splat(*at)); }

// -------------------------------------------------------------------------------------------------------- tiles

ALWAYS f4 weighted(const float *answers, const float *weights) {
  return wasm_f32x4_mul(wasm_v128_load(answers), wasm_v128_load(weights));
}

ALWAYS i32 areFinite(const float *answers) {
  const v128_t exponents = wasm_i32x4_const_splat(0x7f800000);
  const v128_t low = wasm_v128_and(wasm_v128_load(answers), exponents);
  const v128_t high = wasm_v128_and(wasm_v128_load(answers + 4), exponents);
  return !wasm_v128_any_true(wasm_i32x4_eq(wasm_i32x4_max(low, high), exponents));
}

// Adds rows of answers times weights to rows of a slice of sums, `stride` apart.
//
// @return 1 when every answer is finite, else 0
EXPORT i32 addHalf(u16 *sums, u32 stride, const float *answers, const float *weights, u32 width, u32 rows) {
  i32 finite = 1;
  for (u32 y = 0; y < rows; y++, sums += stride, answers += width, weights += width) {
    u32 x = 0;
    for (; x + 8 <= width; x += 8) {
      const f4 low = weighted(answers + x, weights + x), high = weighted(answers + x + 4, weights + x + 4);
      if (!areUnusual(sums + x)) {
        const f8 old = loadUsual(sums + x);
        const f8 sum = {wasm_f32x4_add(old.low, low), wasm_f32x4_add(old.high, high)};
        if (!becomeUnusual(sum)) {
          wasm_v128_store(sums + x, wasm_u16x8_narrow_i32x4(usualHalf(sum.low), usualHalf(sum.high)));
          continue;
        }
      }
      const f8 old = loadAll(sums + x);
      const f8 sum = {wasm_f32x4_add(old.low, low), wasm_f32x4_add(old.high, high)};
      storeAll(sums + x, sum);
      // An infinite answer makes the sum unusual, too.
      finite &= areFinite(answers + x);
    }
    for (; x < width; x++) {
      const f4 sum = wasm_f32x4_add(loadHalf1(sums + x), wasm_f32x4_splat(answers[x] * weights[x]));
      sums[x] = (u16)wasm_u32x4_extract_lane(toHalf(sum), 0);
      finite &= __builtin_fabsf(answers[x]) < __builtin_inff();
    }
  }
  return finite;
}

// The same with sums in single precision.
EXPORT i32 addSingle(float *sums, u32 stride, const float *answers, const float *weights, u32 width, u32 rows) {
  const v128_t exponents = wasm_i32x4_const_splat(0x7f800000);
  v128_t largest = wasm_i32x4_const_splat(0);
  i32 finite = 1;
  for (u32 y = 0; y < rows; y++, sums += stride, answers += width, weights += width) {
    u32 x = 0;
    for (; x + 4 <= width; x += 4) {
      largest = wasm_i32x4_max(largest, wasm_v128_and(wasm_v128_load(answers + x), exponents));
      wasm_v128_store(sums + x, wasm_f32x4_add(wasm_v128_load(sums + x), weighted(answers + x, weights + x)));
    }
    for (; x < width; x++) {
      sums[x] += answers[x] * weights[x];
      finite &= __builtin_fabsf(answers[x]) < __builtin_inff();
    }
  }
  return finite & !wasm_v128_any_true(wasm_i32x4_eq(largest, exponents));
}

// Single-precision numbers of half-precision ones.
EXPORT void unpackHalf(const u16 *halves, float *out, u32 count) {
  for (u32 i = 0; i < count; i++) out[i] = wasm_f32x4_extract_lane(loadHalf1(halves + i), 0);
}

// Sums over the sums of weights, rounded to half precision; the sums become zero. Sums of finite answers that went
// beyond half precision are infinite, and so are their means, or no numbers.
//
// @return 1 when every mean is finite, else 0
EXPORT i32 takeHalf(u16 *sums, const float *weights, float *means, u32 count) {
  i32 finite = 1;
  u32 i = 0;
  for (; i + 8 <= count; i += 8) {
    const f4 low = wasm_v128_load(weights + i), high = wasm_v128_load(weights + i + 4);
    if (!areUnusual(sums + i)) {
      const f8 sum = loadUsual(sums + i);
      const f8 mean = {wasm_f32x4_div(sum.low, low), wasm_f32x4_div(sum.high, high)};
      if (!becomeUnusual(mean)) {
        wasm_v128_store(means + i, usualRounded(mean.low));
        wasm_v128_store(means + i + 4, usualRounded(mean.high));
        continue;
      }
    }
    const f8 sum = loadAll(sums + i);
    wasm_v128_store(means + i, fromHalf(toHalf(wasm_f32x4_div(sum.low, low))));
    wasm_v128_store(means + i + 4, fromHalf(toHalf(wasm_f32x4_div(sum.high, high))));
    finite &= areFinite(means + i);
  }
  for (; i < count; i++) {
    const f4 mean = wasm_f32x4_div(loadHalf1(sums + i), wasm_f32x4_splat(weights[i]));
    means[i] = wasm_f32x4_extract_lane(fromHalf(toHalf(mean)), 0);
    finite &= __builtin_fabsf(means[i]) < __builtin_inff();
  }
  __builtin_memset(sums, 0, 2 * count);
  return finite;
}

// The same with sums in single precision.
EXPORT i32 takeSingle(float *sums, const float *weights, float *means, u32 count) {
  const v128_t exponents = wasm_i32x4_const_splat(0x7f800000);
  v128_t largest = wasm_i32x4_const_splat(0);
  i32 finite = 1;
  u32 i = 0;
  for (; i + 4 <= count; i += 4) {
    const f4 mean = wasm_f32x4_div(wasm_v128_load(sums + i), wasm_v128_load(weights + i));
    largest = wasm_i32x4_max(largest, wasm_v128_and(mean, exponents));
    wasm_v128_store(means + i, mean);
  }
  for (; i < count; i++) {
    means[i] = sums[i] / weights[i];
    finite &= __builtin_fabsf(means[i]) < __builtin_inff();
  }
  __builtin_memset(sums, 0, 4 * count);
  return finite & !wasm_v128_any_true(wasm_i32x4_eq(largest, exponents));
}

// ------------------------------------------------------------------------------------------------------- answers

// e^x of numbers that are not above 0, two at a time: fdlibm's e_exp.c (Sun Microsystems), as V8's Math.exp is, operation
// by operation. Where its branches differ, both ways are taken and one is chosen; those of k = 0 and of every other k are
// the same arithmetic.
ALWAYS v128_t expOf(v128_t x) {
  // Beyond ln 2 / 2, as fdlibm tells it by the upper half of a number. Up to 3 ln 2 / 2 its k is -1, which the formula
  // gives, too.
  const v128_t isReduced = wasm_f64x2_le(x, wasm_f64x2_const_splat(-0x1.62e43p-2));
  const v128_t isTiny = wasm_f64x2_gt(x, wasm_f64x2_const_splat(-0x1p-28));
  const v128_t scaled = wasm_f64x2_sub(wasm_f64x2_mul(wasm_f64x2_const_splat(1.44269504088896338700e+00), x),
                                       wasm_f64x2_const_splat(0.5));
  const v128_t t = wasm_v128_and(wasm_f64x2_trunc(scaled), isReduced);
  const v128_t hi = wasm_f64x2_sub(x, wasm_f64x2_mul(t, wasm_f64x2_const_splat(6.93147180369123816490e-01)));
  const v128_t lo = wasm_f64x2_mul(t, wasm_f64x2_const_splat(1.90821492927058770002e-10));
  const v128_t r = wasm_f64x2_sub(hi, lo);
  const v128_t rr = wasm_f64x2_mul(r, r);
  v128_t p = wasm_f64x2_const_splat(4.13813679705723846039e-08);
  p = wasm_f64x2_add(wasm_f64x2_const_splat(-1.65339022054652515390e-06), wasm_f64x2_mul(rr, p));
  p = wasm_f64x2_add(wasm_f64x2_const_splat(6.61375632143793436117e-05), wasm_f64x2_mul(rr, p));
  p = wasm_f64x2_add(wasm_f64x2_const_splat(-2.77777777770155933842e-03), wasm_f64x2_mul(rr, p));
  p = wasm_f64x2_add(wasm_f64x2_const_splat(1.66666666666666019037e-01), wasm_f64x2_mul(rr, p));
  const v128_t c = wasm_f64x2_sub(r, wasm_f64x2_mul(rr, p));
  const v128_t q = wasm_f64x2_div(wasm_f64x2_mul(r, c), wasm_f64x2_sub(wasm_f64x2_const_splat(2), c));
  const v128_t y = wasm_f64x2_sub(wasm_f64x2_const_splat(1), wasm_f64x2_sub(wasm_f64x2_sub(lo, q), hi));
  // 2^k, of subnormal results in two steps.
  const v128_t isSmall = wasm_f64x2_lt(t, wasm_f64x2_const_splat(-1021));
  const v128_t k = wasm_f64x2_add(t, wasm_v128_and(isSmall, wasm_f64x2_const_splat(1000)));
  // Added to 1.5 x 2^52, a whole number is what the lowest bits of the sum say.
  const v128_t whole = wasm_f64x2_add(k, wasm_f64x2_const_splat(0x1.8p52));
  const v128_t power = wasm_i64x2_add(wasm_i64x2_shl(whole, 52), wasm_i64x2_const_splat(1023ll << 52));
  const v128_t rest = wasm_v128_bitselect(wasm_f64x2_const_splat(9.33263618503218878990e-302), wasm_f64x2_const_splat(1), isSmall);
  v128_t value = wasm_f64x2_mul(wasm_f64x2_mul(y, power), rest);
  value = wasm_v128_bitselect(wasm_f64x2_add(wasm_f64x2_const_splat(1), x), value, isTiny);
  return wasm_v128_andnot(value, wasm_f64x2_lt(x, wasm_f64x2_const_splat(-7.45133219101941108420e+02)));
}

ALWAYS v128_t load2(const float *at) { return wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(at)); }

// Adds the softmax of logits to sums of probabilities, and gives what their entropies follow from: with m the largest
// logit, S = sum of e^(z - m) and U = sum of (z - m) e^(z - m). All are [class][count], S and U one for each voxel.
//
// @param count an even number
// @param terms room for two numbers a class
EXPORT void addSoftmax(const float *logits, u32 classes, u32 count, float *mean, double *sum, double *moment, double *terms) {
  for (u32 i = 0; i < count; i += 2) {
    v128_t largest = wasm_f64x2_const_splat(-__builtin_inf());
    for (u32 c = 0; c < classes; c++) largest = wasm_f64x2_pmax(largest, load2(logits + c * count + i));
    v128_t s = wasm_f64x2_const_splat(0), u = s;
    for (u32 c = 0; c < classes; c++) {
      const v128_t below = wasm_f64x2_sub(load2(logits + c * count + i), largest);
      const v128_t term = expOf(below);
      wasm_v128_store(terms + 2 * c, term);
      s = wasm_f64x2_add(s, term);
      u = wasm_f64x2_add(u, wasm_f64x2_mul(below, term));
    }
    for (u32 c = 0; c < classes; c++) {
      float *to = mean + c * count + i;
      const v128_t both = wasm_f64x2_add(load2(to), wasm_f64x2_div(wasm_v128_load(terms + 2 * c), s));
      wasm_v128_store64_lane(to, wasm_f32x4_demote_f64x2_zero(both), 0);
    }
    wasm_v128_store(sum + i, s);
    wasm_v128_store(moment + i, u);
  }
}

// ------------------------------------------------------------------------------------------------------- labels

// Where the voxels of the new grid lie on an axis of the old one.
typedef struct {
  const i32 *below, *above;
  const double *fraction;
  u32 count;
} Axis;

// A slice of logits: [row][class][x], rows of `stride` numbers whose last ones repeat the last voxel's; and of each
// voxel the first of its largest classes, that one's value, and the largest of the others. [row][x].
typedef struct {
  float *values;
  i32 *label;
  float *largest, *second;
} Slice;

typedef struct {
  Axis x, y;
  u32 width, height, stride, classes;
  u32 isHalf;
  Slice slices[2];
  i32 *decided;     // of a row of cells: the label of the whole cell, or OPEN
  u16 *candidates;  // [cell][class], the first `counts` of each
  float *highest;   // beside them: their largest corners
  u32 *counts;
  f4 *high;         // by class, the largest corners of four cells
} Job;

#define OPEN (-1)
#define LOWEST (-__builtin_inff())

EXPORT u32 jobSize(void) { return sizeof(Job); }

EXPORT void setAxis(Job *job, u32 axis, const i32 *below, const i32 *above, const double *fraction, u32 count) {
  const Axis set = {below, above, fraction, count};
  if (axis == 0) job->x = set;
  else job->y = set;
}

EXPORT void setGrid(Job *job, u32 width, u32 height, u32 stride, u32 classes, u32 isHalf) {
  job->width = width;
  job->height = height;
  job->stride = stride;
  job->classes = classes;
  job->isHalf = isHalf;
}

EXPORT void setSlice(Job *job, u32 n, float *values, i32 *label, float *largest, float *second) {
  const Slice set = {values, label, largest, second};
  job->slices[n] = set;
}

EXPORT void setRow(Job *job, i32 *decided, u16 *candidates, float *highest, u32 *counts, f4 *high) {
  job->decided = decided;
  job->candidates = candidates;
  job->highest = highest;
  job->counts = counts;
  job->high = high;
}

// Puts one class of a slice where its rows belong. What is no number never wins.
EXPORT void placeClass(const Job *job, u32 n, u32 c, const float *given) {
  const u32 width = job->width, stride = job->stride;
  float *to = job->slices[n].values + c * stride;
  for (u32 y = 0; y < job->height; y++, given += width, to += job->classes * stride) {
    for (u32 x = 0; x < width; x++) to[x] = given[x] == given[x] ? given[x] : LOWEST;
    for (u32 x = width; x < stride; x++) to[x] = to[width - 1];
  }
}

// Labels, largest and second largest values of a slice whose classes are all there.
EXPORT void rankSlice(const Job *job, u32 n) {
  const Slice slice = job->slices[n];
  const u32 stride = job->stride;
  for (u32 y = 0; y < job->height; y++) {
    for (u32 x = 0; x < stride; x += 4) {
      const float *at = slice.values + y * job->classes * stride + x;
      f4 largest = wasm_f32x4_splat(LOWEST), second = largest;
      v128_t label = wasm_i32x4_const_splat(0);
      for (u32 c = 0; c < job->classes; c++, at += stride) {
        const f4 value = wasm_v128_load(at);
        const v128_t wins = wasm_f32x4_gt(value, largest);
        second = wasm_f32x4_pmax(second, wasm_f32x4_pmin(value, largest));
        largest = wasm_f32x4_pmax(largest, value);
        label = wasm_v128_bitselect(wasm_i32x4_splat(c), label, wins);
      }
      wasm_v128_store(slice.largest + y * stride + x, largest);
      wasm_v128_store(slice.second + y * stride + x, second);
      wasm_v128_store(slice.label + y * stride + x, label);
    }
  }
}

ALWAYS f4 fewest(const float *a, const float *b) {
  return wasm_f32x4_pmin(wasm_f32x4_pmin(wasm_v128_load(a), wasm_v128_load(a + 1)),
                         wasm_f32x4_pmin(wasm_v128_load(b), wasm_v128_load(b + 1)));
}
ALWAYS f4 most(const float *a, const float *b) {
  return wasm_f32x4_pmax(wasm_f32x4_pmax(wasm_v128_load(a), wasm_v128_load(a + 1)),
                         wasm_f32x4_pmax(wasm_v128_load(b), wasm_v128_load(b + 1)));
}
ALWAYS v128_t allAre(const i32 *a, const i32 *b, v128_t label) {
  return wasm_v128_and(wasm_v128_and(wasm_i32x4_eq(wasm_v128_load(a), label), wasm_i32x4_eq(wasm_v128_load(a + 1), label)),
                       wasm_v128_and(wasm_i32x4_eq(wasm_v128_load(b), label), wasm_i32x4_eq(wasm_v128_load(b + 1), label)));
}

// Of four cells: the classes whose largest corner is not below the smallest corner of another one.
ALWAYS void listCandidates(const Job *job, const Slice a, const Slice b, u32 x, u32 upper, u32 lower, v128_t open) {
  const u32 stride = job->stride, classes = job->classes;
  const u32 up = upper * classes * stride + x, down = lower * classes * stride + x;
  f4 floor = wasm_f32x4_splat(LOWEST);
  for (u32 c = 0; c < classes; c++) {
    const u32 at = up + c * stride, under = down + c * stride;
    const f4 low = wasm_f32x4_pmin(fewest(a.values + at, a.values + under), fewest(b.values + at, b.values + under));
    job->high[c] = wasm_f32x4_pmax(most(a.values + at, a.values + under), most(b.values + at, b.values + under));
    floor = wasm_f32x4_pmax(floor, low);
  }
  u32 counts[4] = {0, 0, 0, 0};
  for (u32 c = 0; c < classes; c++) {
    u32 lanes = wasm_i32x4_bitmask(wasm_v128_and(wasm_f32x4_ge(job->high[c], floor), open));
    for (; lanes != 0; lanes &= lanes - 1) {
      const u32 lane = __builtin_ctz(lanes);
      const u32 to = (x + lane) * classes + counts[lane]++;
      job->candidates[to] = c;
      job->highest[to] = ((const float *)&job->high[c])[lane];
    }
  }
  for (u32 lane = 0; lane < 4; lane++) job->counts[x + lane] = counts[lane];
}

// A row of cells between two slices and two rows: the label that every value in the cell gives, or which may win.
static void decideRow(const Job *job, const Slice a, const Slice b, u32 y) {
  const u32 stride = job->stride;
  const u32 lower = y + 1 < job->height ? y + 1 : y;
  const u32 up = y * stride, down = lower * stride;
  for (u32 x = 0; x < job->width; x += 4) {
    const u32 at = up + x, under = down + x;
    const v128_t label = wasm_v128_load(a.label + at);
    const f4 low = wasm_f32x4_pmin(fewest(a.largest + at, a.largest + under), fewest(b.largest + at, b.largest + under));
    const f4 others = wasm_f32x4_pmax(most(a.second + at, a.second + under), most(b.second + at, b.second + under));
    const v128_t same = wasm_v128_and(allAre(a.label + at, a.label + under, label), allAre(b.label + at, b.label + under, label));
    const v128_t holds = wasm_v128_and(same, wasm_f32x4_gt(low, others));
    wasm_v128_store(job->decided + x, wasm_v128_bitselect(label, wasm_i32x4_const_splat(OPEN), holds));
    if (!wasm_i32x4_all_true(holds)) listCandidates(job, a, b, x, y, lower, wasm_v128_not(holds));
  }
}

// The half-precision number next to a double-precision one, in one step: as `toHalf`, with 42 bits to lose.
static double roundedToHalf(double value) {
  const double size = __builtin_fabs(value);
  if (!(size < 65520)) return value * __builtin_inf();
  u64 bits;
  __builtin_memcpy(&bits, &size, 8);
  u64 exponent = bits & 0x7ff0000000000000ull;
  if (exponent < 0x3f10000000000000ull) exponent = 0x3f10000000000000ull;
  exponent += 42ull << 52;
  double magic;
  __builtin_memcpy(&magic, &exponent, 8);
  const double rounded = size + magic - magic;
  return value < 0 ? -rounded : rounded;
}

ALWAYS v128_t sumsOf(v128_t a, v128_t b) {
  return wasm_f64x2_add(wasm_i64x2_shuffle(a, b, 0, 2), wasm_i64x2_shuffle(a, b, 1, 3));
}

// Between eight voxels, along x first, then along y, then from slice to slice: each row of two neighbours is one vector,
// and the two numbers of a vector are weighted and added. Adding nothing of the other one leaves a number as it is, but
// for what is infinite.
ALWAYS double between(const float *const rows[4], i32 left, v128_t across, v128_t down, v128_t along) {
  v128_t row[4];
  for (u32 n = 0; n < 4; n++) {
    row[n] = wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(rows[n] + left)), across);
  }
  const v128_t upper = wasm_f64x2_mul(sumsOf(row[0], row[1]), down);
  const v128_t lower = wasm_f64x2_mul(sumsOf(row[2], row[3]), down);
  const v128_t slices = wasm_f64x2_mul(sumsOf(upper, lower), along);
  return wasm_f64x2_extract_lane(slices, 0) + wasm_f64x2_extract_lane(slices, 1);
}

// The same where something is infinite: what has no weight is left out.
static double betweenInfinite(const float *const rows[4], i32 left, double u, double v, double t) {
  double row[4];
  for (u32 n = 0; n < 4; n++) {
    const float *at = rows[n] + left;
    row[n] = u == 0 ? at[0] : (1 - u) * at[0] + u * at[1];
  }
  const double upper = v == 0 ? row[0] : (1 - v) * row[0] + v * row[1];
  if (t == 0) return upper;
  const double lower = v == 0 ? row[2] : (1 - v) * row[2] + v * row[3];
  return (1 - t) * upper + t * lower;
}

// Where a voxel of the result lies.
typedef struct {
  const float *first, *second;  // of the two slices
  u32 upper, lower;             // where the classes of the two rows start
  i32 left;
  double u, v, t;
} Place;

ALWAYS double valueOf(const Job *job, const Place *at, u32 c) {
  const u32 from = c * job->stride;
  const float *const rows[4] = {at->first + at->upper + from, at->first + at->lower + from, at->second + at->upper + from,
                                at->second + at->lower + from};
  const double value = between(rows, at->left, wasm_f64x2_make(1 - at->u, at->u), wasm_f64x2_make(1 - at->v, at->v),
                               wasm_f64x2_make(1 - at->t, at->t));
  return __builtin_fabs(value) < __builtin_inf() ? value : betweenInfinite(rows, at->left, at->u, at->v, at->t);
}

ALWAYS double rounded(const Job *job, double value) { return job->isHalf ? roundedToHalf(value) : (double)(float)value; }

// The first of the candidates whose value, rounded, is the largest.
//
// The label of the nearest corner is tried first: no value of another class is above its largest corner, which rounding
// leaves as it is, so that most need not be made. Rounding keeps the order, too: what is larger by more than a step stays
// so, and what is smaller by more than a step. Only between the two must it be done.
ALWAYS i32 compare(const Job *job, const Place *at, u32 cell, u32 likely) {
  const u32 classes = job->classes, count = job->counts[cell];
  const u16 *candidates = job->candidates + cell * classes;
  const float *highest = job->highest + cell * classes;
  if (count == 1) return candidates[0];
  const double share = job->isHalf ? 0x1p-9 : 0x1p-22;
  double best = valueOf(job, at, likely);
  u32 label = likely;
  // What is no number, or rounds to the lowest, never wins.
  if (!(best > -65504) && !(rounded(job, best) > LOWEST)) best = LOWEST, label = 0;
  for (u32 n = 0; n < count; n++) {
    const u32 c = candidates[n];
    if (c == likely) continue;
    const double step = __builtin_fabs(best) * share + 0x1p-23;
    if (highest[n] < best - step || (c > label && highest[n] <= best)) continue;
    const double value = valueOf(job, at, c);
    if (value < best - step) continue;
    const double larger = __builtin_fabs(value) * share + 0x1p-23;
    if (!(value - best > (step > larger ? step : larger))) {
      const double mine = rounded(job, value), its = rounded(job, best);
      if (!(mine > its || (mine == its && c < label && mine > LOWEST))) continue;
    }
    best = value;
    label = c;
  }
  return label;
}

// Labels of `depth` slices of the result that lie between the same two slices, or on one (first = second), each at its
// fraction of the way. [slice][y][x].
EXPORT void labelSlices(const Job *job, u32 first, u32 second, const double *fractions, u32 depth, u16 *labels) {
  const Slice a = job->slices[first], b = job->slices[second];
  const Axis x = job->x, y = job->y;
  i32 row = -1;
  for (u32 j = 0; j < y.count; j++) {
    if (y.below[j] != row) {
      row = y.below[j];
      decideRow(job, a, b, row);
    }
    const u32 upper = row * job->classes * job->stride, lower = y.above[j] * job->classes * job->stride;
    const u32 nearest = (y.fraction[j] < 0.5 ? (u32)row : (u32)y.above[j]) * job->stride;
    for (u32 k = 0; k < depth; k++) {
      u16 *to = labels + (k * y.count + j) * x.count;
      const i32 *corner = (fractions[k] < 0.5 ? a : b).label + nearest;
      for (u32 i = 0; i < x.count; i++) {
        const i32 left = x.below[i];
        if (job->decided[left] != OPEN) {
          to[i] = job->decided[left];
          continue;
        }
        const Place at = {a.values, b.values, upper, lower, left, x.fraction[i], y.fraction[j], fractions[k]};
        to[i] = compare(job, &at, left, corner[x.fraction[i] < 0.5 ? left : x.above[i]]);
      }
    }
  }
}

// Labels of a slice as it is.
EXPORT void copyLabels(const Job *job, u32 n, u16 *labels) {
  const i32 *from = job->slices[n].label;
  for (u32 y = 0; y < job->height; y++, from += job->stride) {
    for (u32 x = 0; x < job->width; x++) *labels++ = from[x];
  }
}
