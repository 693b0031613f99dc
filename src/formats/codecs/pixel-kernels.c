// Loops over the stored pixels of a frame, with the vector instructions of WebAssembly. Built, and kept in base64 in
// pixel-kernels-wasm.ts so that bundles carry it, by `npx tsx test/support/build-pixel-kernels.ts`.
#include <stdint.h>
#include <wasm_simd128.h>

// Memory from here on is the caller's.
extern unsigned char __heap_base;

__attribute__((export_name("heap"))) int heap(void) { return (int)(((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15); }

// Stored values are word & mask; a sign bit, where there is one, is extended by flipping it and taking it away again.
// No shifts: clang 14 takes those of vectors apart, lane by lane.
//
// Eight at a time: counts are rounded up to a multiple of eight, which the caller's memory has room for.

static inline v128_t whole(v128_t raw, v128_t masks, v128_t signs) {
  return wasm_i32x4_sub(wasm_v128_xor(wasm_v128_and(raw, masks), signs), signs);
}

// In double precision and then rounded, as JavaScript does it.
static inline v128_t rescaled(v128_t values, v128_t slopes, v128_t intercepts) {
  v128_t low = wasm_f64x2_convert_low_i32x4(values);
  v128_t high = wasm_f64x2_convert_low_i32x4(wasm_i64x2_shuffle(values, values, 1, 1));
  low = wasm_f32x4_demote_f64x2_zero(wasm_f64x2_add(wasm_f64x2_mul(low, slopes), intercepts));
  high = wasm_f32x4_demote_f64x2_zero(wasm_f64x2_add(wasm_f64x2_mul(high, slopes), intercepts));
  return wasm_i64x2_shuffle(low, high, 0, 2);
}

__attribute__((export_name("rescaleFloat"))) void rescale_float(const uint16_t *in, float *out, int count, int mask, int sign,
                                                                double slope, double intercept) {
  v128_t masks = wasm_i32x4_splat(mask), signs = wasm_i32x4_splat(sign);
  v128_t slopes = wasm_f64x2_splat(slope), intercepts = wasm_f64x2_splat(intercept);
  for (int i = 0; i < count; i += 8) {
    v128_t words = wasm_v128_load(in + i);
    v128_t low = whole(wasm_u32x4_extend_low_u16x8(words), masks, signs);
    v128_t high = whole(wasm_u32x4_extend_high_u16x8(words), masks, signs);
    wasm_v128_store(out + i, rescaled(low, slopes, intercepts));
    wasm_v128_store(out + i + 4, rescaled(high, slopes, intercepts));
  }
}

// The same for a slope of 1 and a whole intercept, which take no multiplication and are exact.
__attribute__((export_name("shiftFloat"))) void shift_float(const uint16_t *in, float *out, int count, int mask, int sign, int intercept) {
  v128_t masks = wasm_i32x4_splat(mask), signs = wasm_i32x4_splat(sign), intercepts = wasm_i32x4_splat(intercept);
  for (int i = 0; i < count; i += 8) {
    v128_t words = wasm_v128_load(in + i);
    v128_t low = whole(wasm_u32x4_extend_low_u16x8(words), masks, signs);
    v128_t high = whole(wasm_u32x4_extend_high_u16x8(words), masks, signs);
    wasm_v128_store(out + i, wasm_f32x4_convert_i32x4(wasm_i32x4_add(low, intercepts)));
    wasm_v128_store(out + i + 4, wasm_f32x4_convert_i32x4(wasm_i32x4_add(high, intercepts)));
  }
}

// The same to 16-bit integers; 0 where one value does not fit.
__attribute__((export_name("shiftInteger"))) int shift_integer(const uint16_t *in, int16_t *out, int count, int mask, int sign,
                                                               int intercept) {
  v128_t masks = wasm_i16x8_splat((int16_t)mask), signs = wasm_i16x8_splat((int16_t)sign);
  v128_t intercepts = wasm_i16x8_splat((int16_t)intercept), outside = wasm_i16x8_splat(0);
  // Without a sign, the highest of 16 bits is beyond a 16-bit integer.
  v128_t top = wasm_i16x8_splat(sign ? 0 : INT16_MIN);
  for (int i = 0; i < count; i += 8) {
    v128_t words = wasm_v128_and(wasm_v128_load(in + i), masks);
    v128_t values = wasm_i16x8_sub(wasm_v128_xor(words, signs), signs);
    v128_t sum = wasm_i16x8_add(values, intercepts);
    // Adding with saturation gives another sum exactly where the right one does not fit.
    v128_t differs = wasm_v128_xor(sum, wasm_i16x8_add_sat(values, intercepts));
    outside = wasm_v128_or(outside, wasm_v128_or(differs, wasm_v128_and(values, top)));
    wasm_v128_store(out + i, sum);
  }
  return !wasm_v128_any_true(outside);
}

// PackBits of in[from, end) into every stride-th byte of out[first, length); the number of bytes written.
__attribute__((export_name("unpackBits"))) int unpack_bits(const uint8_t *restrict in, int from, int end, uint8_t *restrict out, int length,
                                                           int first, int stride) {
  int to = first;
  while (from + 1 < end && to < length) {
    int control = in[from++];
    if (control == 128) continue;
    int room = (length - to + stride - 1) / stride;
    if (control < 128) {
      int run = control + 1;
      if (run > end - from) run = end - from;
      if (run > room) run = room;
      for (int i = 0; i < run; i++, to += stride) out[to] = in[from + i];
      from += run;
    } else {
      int run = 257 - control;
      if (run > room) run = room;
      uint8_t value = in[from++];
      for (int i = 0; i < run; i++, to += stride) out[to] = value;
    }
  }
  return (to - first) / stride;
}
