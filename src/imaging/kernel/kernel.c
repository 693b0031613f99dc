// Cubic B-splines along one axis: the coefficients of columns of numbers, and their values elsewhere. WebAssembly with
// SIMD, no library and no state: every address comes from the caller, every length is in numbers, not bytes.
//
// Two numbers that are worked on together are of two columns, never of one: each column's operations are those of the
// plain loops the tests compare it with, in their order, in double precision.

#include <wasm_simd128.h>

typedef signed int i32;
typedef unsigned int u32;
typedef unsigned short u16;
typedef v128_t d2;

#define EXPORT __attribute__((visibility("default")))
#define ALWAYS static inline __attribute__((always_inline))

// Columns side by side: as many as the recursion keeps a processor busy with, so few that some 500 voxels of each fit
// into its first cache.
#define COLUMNS 8
#define VECTORS (COLUMNS / 2)
// Voxels that scipy repeats at each end.
#define EDGE 12
// Beyond so many samples the powers of the pole are below the precision of a double.
#define HORIZON 60

EXPORT u32 columnsAtOnce(void) { return COLUMNS; }

// Numbers in single and in double precision, and whole ones of 16 bits that stand for those of a table.
enum { SINGLES, DOUBLES, BY_TABLE };

typedef struct {
  const void *values;
  u32 kind;
  const float *table;
  u32 step, columnStep;  // from voxel to voxel, from column to column
} Source;

ALWAYS double valueOf(const Source *from, u32 at) {
  if (from->kind == DOUBLES) return ((const double *)from->values)[at];
  if (from->kind == SINGLES) return (double)((const float *)from->values)[at];
  return (double)from->table[((const u16 *)from->values)[at]];
}

ALWAYS void loadColumns(double *first, const Source *from, u32 origin, u32 width, u32 length) {
  for (u32 n = 0; n < width; n++) {
    u32 at = origin + n * from->columnStep;
    for (u32 k = 0; k < length; k++, at += from->step) first[k * COLUMNS + n] = valueOf(from, at);
  }
}

// Columns into the block, voxel by voxel, in whatever order memory has them; the first and last voxel of each repeated.
static void load(double *block, const Source *from, u32 origin, u32 width, u32 length) {
  double *first = block + EDGE * COLUMNS;
  if (width < COLUMNS) {
    for (u32 n = 0; n < length * COLUMNS; n++) first[n] = 0;
  }
  if (from->kind == BY_TABLE) {
    loadColumns(first, from, origin, width, length);
  } else if (from->columnStep == 1 && width == COLUMNS) {
    for (u32 k = 0; k < length; k++) {
      double *to = first + k * COLUMNS;
      const u32 at = origin + k * from->step;
      if (from->kind == DOUBLES) {
        const double *row = (const double *)from->values + at;
        for (u32 n = 0; n < COLUMNS; n += 2) wasm_v128_store(to + n, wasm_v128_load(row + n));
      } else {
        const float *row = (const float *)from->values + at;
        for (u32 n = 0; n < COLUMNS; n += 2)
          wasm_v128_store(to + n, wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(row + n)));
      }
    }
  } else {
    loadColumns(first, from, origin, width, length);
  }
  for (u32 k = 0; k < EDGE; k++) {
    for (u32 n = 0; n < COLUMNS; n++) {
      block[k * COLUMNS + n] = first[n];
      first[(length + k) * COLUMNS + n] = first[(length - 1) * COLUMNS + n];
    }
  }
}

// Values to coefficients in place: scipy's recursive filter with the boundary reflected about the edge of the first and
// last sample.
//
// @param poleN the pole to the power of the length
static void coefficients(double *block, u32 length, double pole, double gain, double poleN) {
  const u32 last = (length - 1) * COLUMNS;
  for (u32 i = 0; i < length * COLUMNS; i += 2) {
    wasm_v128_store(block + i, wasm_f64x2_mul(wasm_v128_load(block + i), wasm_f64x2_splat(gain)));
  }
  const d2 z = wasm_f64x2_splat(pole), zn = wasm_f64x2_splat(poleN);
  d2 run[VECTORS];
  for (u32 v = 0; v < VECTORS; v++) {
    const double *c = block + 2 * v;
    const d2 c0 = wasm_v128_load(c);
    d2 sum = wasm_f64x2_add(c0, wasm_f64x2_mul(zn, wasm_v128_load(c + last)));
    double power = pole;
    for (u32 k = 1; k < length && k < HORIZON; k++) {
      const d2 mirrored = wasm_f64x2_mul(zn, wasm_v128_load(c + last - k * COLUMNS));
      const d2 both = wasm_f64x2_add(wasm_v128_load(c + k * COLUMNS), mirrored);
      sum = wasm_f64x2_add(sum, wasm_f64x2_mul(wasm_f64x2_splat(power), both));
      power *= pole;
    }
    run[v] = wasm_f64x2_add(wasm_f64x2_div(wasm_f64x2_mul(sum, z), wasm_f64x2_splat(1 - poleN * poleN)), c0);
    wasm_v128_store(block + 2 * v, run[v]);
  }
  for (u32 i = COLUMNS; i < length * COLUMNS; i += COLUMNS) {
    for (u32 v = 0; v < VECTORS; v++) {
      run[v] = wasm_f64x2_add(wasm_v128_load(block + i + 2 * v), wasm_f64x2_mul(z, run[v]));
      wasm_v128_store(block + i + 2 * v, run[v]);
    }
  }
  const d2 end = wasm_f64x2_splat(pole / (pole - 1));
  for (u32 v = 0; v < VECTORS; v++) {
    run[v] = wasm_f64x2_mul(run[v], end);
    wasm_v128_store(block + last + 2 * v, run[v]);
  }
  for (u32 i = last; i >= COLUMNS; i -= COLUMNS) {
    double *to = block + i - COLUMNS;
    for (u32 v = 0; v < VECTORS; v++) {
      run[v] = wasm_f64x2_mul(z, wasm_f64x2_sub(run[v], wasm_v128_load(to + 2 * v)));
      wasm_v128_store(to + 2 * v, run[v]);
    }
  }
}

// Columns of `length` voxels to `newLength`: voxel i is the sum of four coefficients from `starts[i]` on, counted with
// the voxels that are repeated before the first, times `weights[4 * i]` to `[4 * i + 3]`.
//
// @param table of whole numbers, by their bits
// @param block room for (length + 2 x EDGE) x COLUMNS numbers
EXPORT void resizeColumns(const void *values, u32 kind, const float *table, u32 step, u32 columnStep, u32 columns, u32 length,
                          double *block, double pole, double gain, double poleN, const i32 *starts,
                          const double *weights, u32 newLength, double *out, u32 toStep, u32 toColumnStep) {
  const Source from = {values, kind, table, step, columnStep};
  for (u32 first = 0; first < columns; first += COLUMNS) {
    const u32 width = columns - first < COLUMNS ? columns - first : COLUMNS;
    load(block, &from, first * columnStep, width, length);
    coefficients(block, length + 2 * EDGE, pole, gain, poleN);
    for (u32 i = 0; i < newLength; i++) {
      const double *c = block + starts[i] * COLUMNS, *w = weights + 4 * i;
      const d2 w0 = wasm_v128_load64_splat(w), w1 = wasm_v128_load64_splat(w + 1);
      const d2 w2 = wasm_v128_load64_splat(w + 2), w3 = wasm_v128_load64_splat(w + 3);
      double found[COLUMNS];
      double *to = out + i * toStep + first * toColumnStep;
      const u32 isWhole = toColumnStep == 1 && width == COLUMNS;
      double *at = isWhole ? to : found;
      for (u32 n = 0; n < COLUMNS; n += 2) {
        d2 sum = wasm_f64x2_mul(w0, wasm_v128_load(c + n));
        sum = wasm_f64x2_add(sum, wasm_f64x2_mul(w1, wasm_v128_load(c + n + COLUMNS)));
        sum = wasm_f64x2_add(sum, wasm_f64x2_mul(w2, wasm_v128_load(c + n + 2 * COLUMNS)));
        sum = wasm_f64x2_add(sum, wasm_f64x2_mul(w3, wasm_v128_load(c + n + 3 * COLUMNS)));
        wasm_v128_store(at + n, sum);
      }
      if (isWhole) continue;
      for (u32 n = 0; n < width; n++) to[n * toColumnStep] = found[n];
    }
  }
}

// Numbers clipped to a range, in single precision.
EXPORT void clip(const double *values, u32 count, double low, double high, float *out) {
  const d2 least = wasm_f64x2_splat(low), most = wasm_f64x2_splat(high);
  u32 i = 0;
  for (; i + 2 <= count; i += 2) {
    const d2 value = wasm_f64x2_min(most, wasm_f64x2_max(least, wasm_v128_load(values + i)));
    wasm_v128_store64_lane(out + i, wasm_f32x4_demote_f64x2_zero(value), 0);
  }
  if (i == count) return;
  const d2 value = wasm_f64x2_min(most, wasm_f64x2_max(least, wasm_f64x2_splat(values[i])));
  out[i] = wasm_f32x4_extract_lane(wasm_f32x4_demote_f64x2_zero(value), 0);
}

// Brings a range, [lowest, highest], to where it holds all of the numbers.
EXPORT void extend(const float *values, u32 count, float *range) {
  v128_t low = wasm_v128_load32_splat(range), high = wasm_v128_load32_splat(range + 1);
  u32 i = 0;
  for (; i + 4 <= count; i += 4) {
    const v128_t value = wasm_v128_load(values + i);
    low = wasm_f32x4_pmin(low, value);
    high = wasm_f32x4_pmax(high, value);
  }
  for (; i < count; i++) {
    low = wasm_f32x4_pmin(low, wasm_v128_load32_splat(values + i));
    high = wasm_f32x4_pmax(high, wasm_v128_load32_splat(values + i));
  }
  for (u32 lane = 0; lane < 4; lane++) {
    const float l = ((const float *)&low)[lane], h = ((const float *)&high)[lane];
    if (l < range[0]) range[0] = l;
    if (h > range[1]) range[1] = h;
  }
}
