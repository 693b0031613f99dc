// The two loops between a network's answer and the label map: tiles are blended into a window of half- or
// single-precision sums, and logits are resized and compared. WebAssembly with SIMD, no library and no state: every
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

ALWAYS f4 loadHalf4(const u16 *at) { return fromHalf(wasm_u32x4_load16x4(at)); }
ALWAYS void storeHalf4(u16 *at, f4 value) {
  const v128_t bits = toHalf(value);
  wasm_v128_store64_lane(at, wasm_u16x8_narrow_i32x4(bits, bits), 0);
}
ALWAYS f4 loadHalf1(const u16 *at) { return fromHalf(wasm_i32x4_splat(*at)); }
ALWAYS void storeHalf1(u16 *at, f4 value) { *at = (u16)wasm_u32x4_extract_lane(toHalf(value), 0); }

// -------------------------------------------------------------------------------------------------------- tiles

// Adds rows of answers times weights to rows of a slice of sums, `stride` apart.
//
// @return 1 when every answer is finite, else 0
EXPORT i32 addHalf(u16 *sums, u32 stride, const float *answers, const float *weights, u32 width, u32 rows) {
  v128_t largest = wasm_i32x4_const_splat(0);
  const v128_t exponents = wasm_i32x4_const_splat(0x7f800000);
  for (u32 y = 0; y < rows; y++, sums += stride) {
    u32 x = 0;
    for (; x + 4 <= width; x += 4, answers += 4, weights += 4) {
      const f4 answer = wasm_v128_load(answers);
      largest = wasm_i32x4_max(largest, wasm_v128_and(answer, exponents));
      storeHalf4(sums + x, wasm_f32x4_add(loadHalf4(sums + x), wasm_f32x4_mul(answer, wasm_v128_load(weights))));
    }
    for (; x < width; x++, answers++, weights++) {
      const f4 answer = wasm_v128_load32_splat(answers);
      largest = wasm_i32x4_max(largest, wasm_v128_and(answer, exponents));
      const f4 product = wasm_f32x4_mul(answer, wasm_v128_load32_splat(weights));
      storeHalf1(sums + x, wasm_f32x4_add(loadHalf1(sums + x), product));
    }
  }
  return !wasm_v128_any_true(wasm_i32x4_eq(largest, exponents));
}

// The same with sums in single precision.
EXPORT i32 addSingle(float *sums, u32 stride, const float *answers, const float *weights, u32 width, u32 rows) {
  v128_t largest = wasm_i32x4_const_splat(0);
  const v128_t exponents = wasm_i32x4_const_splat(0x7f800000);
  for (u32 y = 0; y < rows; y++, sums += stride) {
    u32 x = 0;
    for (; x + 4 <= width; x += 4, answers += 4, weights += 4) {
      const f4 answer = wasm_v128_load(answers);
      largest = wasm_i32x4_max(largest, wasm_v128_and(answer, exponents));
      const f4 product = wasm_f32x4_mul(answer, wasm_v128_load(weights));
      wasm_v128_store(sums + x, wasm_f32x4_add(wasm_v128_load(sums + x), product));
    }
    for (; x < width; x++, answers++, weights++) {
      const f4 answer = wasm_v128_load32_splat(answers);
      largest = wasm_i32x4_max(largest, wasm_v128_and(answer, exponents));
      sums[x] += *answers * *weights;
    }
  }
  return !wasm_v128_any_true(wasm_i32x4_eq(largest, exponents));
}

// Sums over the sums of weights, rounded to half precision; the sums become zero.
EXPORT void takeHalf(u16 *sums, const u16 *weights, float *means, u32 count) {
  u32 i = 0;
  for (; i + 4 <= count; i += 4) {
    const f4 mean = wasm_f32x4_div(loadHalf4(sums + i), loadHalf4(weights + i));
    wasm_v128_store(means + i, fromHalf(toHalf(mean)));
  }
  for (; i < count; i++) {
    const f4 mean = wasm_f32x4_div(loadHalf1(sums + i), loadHalf1(weights + i));
    means[i] = wasm_f32x4_extract_lane(fromHalf(toHalf(mean)), 0);
  }
  __builtin_memset(sums, 0, 2 * count);
}

// Sums over the sums of weights; the sums become zero.
EXPORT void takeSingle(float *sums, const float *weights, float *means, u32 count) {
  u32 i = 0;
  for (; i + 4 <= count; i += 4) {
    wasm_v128_store(means + i, wasm_f32x4_div(wasm_v128_load(sums + i), wasm_v128_load(weights + i)));
  }
  for (; i < count; i++) means[i] = sums[i] / weights[i];
  __builtin_memset(sums, 0, 4 * count);
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

EXPORT void setRow(Job *job, i32 *decided, u16 *candidates, u32 *counts, f4 *high) {
  job->decided = decided;
  job->candidates = candidates;
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
      job->candidates[(x + lane) * classes + counts[lane]++] = c;
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

// Between four voxels of a slice: along x first, then along y.
ALWAYS double between(const float *low, const float *high, i32 left, i32 right, double u, double v) {
  const double first = u == 0 ? low[left] : (1 - u) * low[left] + u * low[right];
  if (v == 0) return first;
  const double second = u == 0 ? high[left] : (1 - u) * high[left] + u * high[right];
  return (1 - v) * first + v * second;
}

// The first of the candidates whose value, rounded, is the largest. Rounding keeps the order: what is not larger before
// it is not larger after it, and what is larger by more than a step stays so. Only between the two must it be done.
ALWAYS i32 compare(const Job *job, const Slice a, const Slice b, u32 cell, i32 left, i32 right, double u, u32 upper,
                   u32 lower, double v, double t) {
  const u32 stride = job->stride, classes = job->classes, count = job->counts[cell];
  const u16 *candidates = job->candidates + cell * classes;
  if (count == 1) return candidates[0];
  const double share = job->isHalf ? 0x1p-9 : 0x1p-22;
  double best = LOWEST;
  i32 label = 0;
  for (u32 n = 0; n < count; n++) {
    const u32 c = candidates[n];
    const u32 low = (upper * classes + c) * stride, high = (lower * classes + c) * stride;
    double value = between(a.values + low, a.values + high, left, right, u, v);
    if (t != 0) value = (1 - t) * value + t * between(b.values + low, b.values + high, left, right, u, v);
    if (!(value > best)) continue;
    const double size = __builtin_fabs(value), other = __builtin_fabs(best);
    const double step = (size > other ? size : other) * share + 0x1p-23;
    const int isLarger = value - best > step || (job->isHalf ? roundedToHalf(value) > roundedToHalf(best)
                                                             : (float)value > (float)best);
    if (!isLarger) continue;
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
    for (u32 k = 0; k < depth; k++) {
      u16 *to = labels + (k * y.count + j) * x.count;
      for (u32 i = 0; i < x.count; i++) {
        const i32 label = job->decided[x.below[i]];
        to[i] = label != OPEN ? label : compare(job, a, b, x.below[i], x.below[i], x.above[i], x.fraction[i], row, y.above[j],
                                                y.fraction[j], fractions[k]);
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
