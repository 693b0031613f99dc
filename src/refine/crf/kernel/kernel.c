// Mean-field inference in a fully connected CRF on permutohedral lattices (Adams, Baek and Davis 2010; Krähenbühl and
// Koltun 2011), with the arithmetic of pydensecrf's `permutohedral.cpp` (BSD-3-Clause, Philipp Krähenbühl) for the
// places of points and the order of all sums. WebAssembly with SIMD, threads and no library.
//
// Every thread calls `run` with its number. Work is divided so that each number is computed by the same operations in
// the same order whatever the number of threads: by points where a point is read, and by vertices where one is written.
//
// The labels of a point sum to one, and a filter is linear: label 0 is not filtered but follows from the others and
// from the filter of ones. Channel c is label c + 1. The channels of a point, or of a vertex, stand side by side in a
// row of whole vectors of four; one channel alone is one number.

#include <wasm_simd128.h>

typedef signed int i32;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef v128_t f4;

#define MAX_D 7
#define MAX_THREADS 16
#define EXPORT __attribute__((visibility("default")))
#define ALWAYS static inline __attribute__((always_inline))

enum { FAULT_NONE = 0, FAULT_MEMORY = 1, FAULT_RANGE = 2, FAULT_THREAD = 3 };
enum { NORM_NONE = 0, NORM_BEFORE = 1, NORM_AFTER = 2, NORM_SYMMETRIC = 3 };

// Lattice points by their first d coordinates, each 16 bits with an offset, so that they add without carries.
typedef struct {
  u64 *low, *high;   // keys, by number from 0
  i32 *places;       // open addressing: number + 1, 0 where free
  u32 count, room, mask, shift;
} Table;

typedef struct {
  // Set by the caller.
  i32 d;
  i32 normalisation;
  float potts;
  float *matrix;     // labels x labels, or 0 for Potts
  float *features;   // [points][d], divided by the kernel's widths
  // Made here.
  i32 *vertex;       // [points][d + 1], from 1; 0 holds zeros
  float *weight;     // [points][d + 1]
  u32 vertices;
  i32 *neighbours;   // [d + 1][vertices][2]
  i32 chunks;        // parts in which points are splat, whatever the number of threads; 1: not in parts
  float *parts;      // [chunks][vertices + 1][width], where there are several
  u32 *start;        // by vertex, where several threads splat what is not in parts
  i32 *entryPoint;
  float *entryWeight;
  float *values, *blurred; // [vertices + 1][vectors][width]
  float *pre;        // by point
  float *post;       // by point: normalisation, alpha and the Potts weight
  Table table[MAX_THREADS];
  u32 *counts[MAX_THREADS];
  i32 *renumber[MAX_THREADS];
} Kernel;

typedef struct {
  u32 points;
  i32 labels, kernels, iterations, threads;
  float tolerance;   // largest change of a marginal at which it stops; 0: never
  float *given;      // [labels][points]: probabilities, in the end the marginals
  // Results.
  i32 fault, done;
  float change;
  // Made here.
  i32 vectors, width; // of a row: vectors of `width` (1 or 4) channels
  float *base;       // energies against label 0
  float *q;
  float *none;       // marginals of label 0
  float *ones;       // filter of ones, weighted and summed over the kernels
  float *scratch;
  float changes[MAX_THREADS * 16];
  i32 arrived, generation;
  Kernel kernel[4];
} Job;

extern unsigned char __heap_base;
static u32 top;

// ---------------------------------------------------------------- memory

EXPORT u32 reset(void) { return top = ((u32)&__heap_base + 63) & ~63u; }

EXPORT u32 used(void) { return __atomic_load_n(&top, __ATOMIC_RELAXED); }

EXPORT u32 jobSize(void) { return sizeof(Job); }

// 64-byte blocks, never given back before `reset`; 0 when the memory is at its limit.
EXPORT u32 take(double bytes) {
  u64 size = ((u64)bytes + 63) & ~63ull;
  u32 at = __atomic_load_n(&top, __ATOMIC_RELAXED);
  for (;;) {
    if (at + size > 0xffff0000ull) return 0;
    u64 need = (at + size + 65535) >> 16;
    u64 have = __builtin_wasm_memory_size(0);
    if (need > have && __builtin_wasm_memory_grow(0, need - have) == (__SIZE_TYPE__)-1 &&
        __builtin_wasm_memory_size(0) < need)
      return 0;
    if (__atomic_compare_exchange_n(&top, &at, (u32)(at + size), 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return at;
  }
}

static void *need(Job *job, u64 bytes) {
  u32 at = take((double)bytes);
  if (at == 0) __atomic_store_n(&job->fault, FAULT_MEMORY, __ATOMIC_SEQ_CST);
  return (void *)at;
}

ALWAYS void zero(void *at, u32 bytes) { __builtin_memset(at, 0, bytes); }
ALWAYS void copy(void *to, const void *from, u32 bytes) { __builtin_memcpy(to, from, bytes); }

// ---------------------------------------------------------------- threads

// Sense by generation: spins a little, then sleeps.
static void barrier(Job *job) {
  i32 threads = job->threads;
  if (threads == 1) return;
  i32 generation = __atomic_load_n(&job->generation, __ATOMIC_SEQ_CST);
  if (__atomic_add_fetch(&job->arrived, 1, __ATOMIC_SEQ_CST) == threads) {
    __atomic_store_n(&job->arrived, 0, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&job->generation, 1, __ATOMIC_SEQ_CST);
    __builtin_wasm_memory_atomic_notify(&job->generation, (u32)-1);
    return;
  }
  for (i32 spin = 0; spin < 4000; spin++)
    if (__atomic_load_n(&job->generation, __ATOMIC_SEQ_CST) != generation) return;
  while (__atomic_load_n(&job->generation, __ATOMIC_SEQ_CST) == generation) {
    if (__atomic_load_n(&job->fault, __ATOMIC_SEQ_CST) == FAULT_THREAD) __builtin_trap();
    __builtin_wasm_memory_atomic_wait32(&job->generation, generation, 100000000);
  }
}

// Says that a thread is lost: the others leave their barrier by a trap.
EXPORT void lose(Job *job) { __atomic_store_n(&job->fault, FAULT_THREAD, __ATOMIC_SEQ_CST); }

// ---------------------------------------------------------------- what the caller sets and reads

EXPORT void setJob(Job *job, u32 points, i32 labels, i32 kernels, i32 iterations, i32 threads, float tolerance,
                   float *given) {
  __builtin_memset(job, 0, sizeof(Job));
  job->points = points, job->labels = labels, job->kernels = kernels, job->iterations = iterations;
  job->threads = threads, job->tolerance = tolerance, job->given = given;
}

EXPORT void setKernel(Job *job, i32 n, i32 d, i32 normalisation, float potts, float *matrix, float *features) {
  Kernel *k = &job->kernel[n];
  k->d = d, k->normalisation = normalisation, k->potts = potts, k->matrix = matrix, k->features = features;
}

EXPORT i32 faultOf(const Job *job) { return job->fault; }
EXPORT i32 doneOf(const Job *job) { return job->done; }
EXPORT float changeOf(const Job *job) { return job->change; }
EXPORT u32 verticesOf(const Job *job, i32 n) { return job->kernel[n].vertices; }

// First of a thread's share; multiples of four keep groups of points together.
ALWAYS u32 share(u32 count, i32 thread, i32 threads) {
  if (thread == threads) return count;
  return (u32)(((u64)count * thread / threads) & ~3ull);
}

// ---------------------------------------------------------------- exponential and logarithm

// e^x in single precision for x <= 88, 0 below -87: Cephes' polynomial, relative error below 2e-7.
ALWAYS f4 expOf(f4 x) {
  f4 isZero = wasm_f32x4_lt(x, wasm_f32x4_splat(-87.0f));
  x = wasm_f32x4_pmax(wasm_f32x4_splat(-87.0f), wasm_f32x4_pmin(wasm_f32x4_splat(88.0f), x));
  f4 n = wasm_f32x4_nearest(wasm_f32x4_mul(x, wasm_f32x4_splat(1.44269504088896341f)));
  x = wasm_f32x4_sub(x, wasm_f32x4_mul(n, wasm_f32x4_splat(0.693359375f)));
  x = wasm_f32x4_sub(x, wasm_f32x4_mul(n, wasm_f32x4_splat(-2.12194440e-4f)));
  f4 y = wasm_f32x4_splat(1.9875691500E-4f);
#define STEP(c) y = wasm_f32x4_add(wasm_f32x4_mul(y, x), wasm_f32x4_splat(c))
  STEP(1.3981999507E-3f);
  STEP(8.3334519073E-3f);
  STEP(4.1665795894E-2f);
  STEP(1.6666665459E-1f);
  STEP(5.0000001201E-1f);
  y = wasm_f32x4_add(wasm_f32x4_mul(wasm_f32x4_mul(y, x), x), wasm_f32x4_add(x, wasm_f32x4_splat(1.0f)));
  v128_t power = wasm_i32x4_shl(wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_splat(127)), 23);
  return wasm_v128_andnot(wasm_f32x4_mul(y, power), isZero);
}

// ln x for normal positive x: Cephes' polynomial, relative error below 2e-7.
ALWAYS f4 logOf(f4 x) {
  v128_t exponent = wasm_i32x4_sub(wasm_u32x4_shr(x, 23), wasm_i32x4_splat(126));
  x = wasm_v128_or(wasm_v128_and(x, wasm_i32x4_splat(0x007fffff)), wasm_f32x4_splat(0.5f));
  f4 e = wasm_f32x4_convert_i32x4(exponent);
  f4 isSmall = wasm_f32x4_lt(x, wasm_f32x4_splat(0.707106781186547524f));
  f4 extra = wasm_v128_and(x, isSmall);
  x = wasm_f32x4_sub(x, wasm_f32x4_splat(1.0f));
  e = wasm_f32x4_sub(e, wasm_v128_and(wasm_f32x4_splat(1.0f), isSmall));
  x = wasm_f32x4_add(x, extra);
  f4 z = wasm_f32x4_mul(x, x);
  f4 y = wasm_f32x4_splat(7.0376836292E-2f);
#define LOGSTEP(c) y = wasm_f32x4_add(wasm_f32x4_mul(y, x), wasm_f32x4_splat(c))
  LOGSTEP(-1.1514610310E-1f);
  LOGSTEP(1.1676998740E-1f);
  LOGSTEP(-1.2420140846E-1f);
  LOGSTEP(1.4249322787E-1f);
  LOGSTEP(-1.6668057665E-1f);
  LOGSTEP(2.0000714765E-1f);
  LOGSTEP(-2.4999993993E-1f);
  LOGSTEP(3.3333331174E-1f);
  y = wasm_f32x4_mul(wasm_f32x4_mul(y, x), z);
  y = wasm_f32x4_add(y, wasm_f32x4_mul(e, wasm_f32x4_splat(-2.12194440e-4f)));
  y = wasm_f32x4_sub(y, wasm_f32x4_mul(z, wasm_f32x4_splat(0.5f)));
  return wasm_f32x4_add(wasm_f32x4_add(x, y), wasm_f32x4_mul(e, wasm_f32x4_splat(0.693359375f)));
}

ALWAYS float sumOf(f4 v) {
  return (wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 1)) +
         (wasm_f32x4_extract_lane(v, 2) + wasm_f32x4_extract_lane(v, 3));
}

ALWAYS float largestOf(f4 v) {
  float a = wasm_f32x4_extract_lane(v, 0), b = wasm_f32x4_extract_lane(v, 1);
  float c = wasm_f32x4_extract_lane(v, 2), d = wasm_f32x4_extract_lane(v, 3);
  a = a > b ? a : b;
  c = c > d ? c : d;
  return a > c ? a : c;
}

// ---------------------------------------------------------------- vertices by their key

ALWAYS u32 hashOf(u64 low, u64 high, u32 shift) {
  return (u32)(((low ^ (high * 0xc2b2ae3d27d4eb4full)) * 0x9e3779b97f4a7c15ull) >> shift);
}

static void openTable(Job *job, Table *table, u32 room, i32 isLong) {
  u32 size = 1024, bits = 10;
  while (size < room * 2) size *= 2, bits++;
  table->count = 0;
  table->room = size / 2;
  table->mask = size - 1;
  table->shift = 64 - bits;
  table->low = need(job, 8ull * table->room);
  table->high = isLong ? need(job, 8ull * table->room) : 0;
  table->places = need(job, 4ull * size);
  if (!job->fault) zero(table->places, 4 * size);
}

static void growTable(Job *job, Table *table) {
  Table larger;
  openTable(job, &larger, table->room * 2, table->high != 0);
  if (job->fault) return;
  larger.count = table->count;
  copy(larger.low, table->low, 8 * table->count);
  if (table->high) copy(larger.high, table->high, 8 * table->count);
  for (u32 n = 0; n < table->count; n++) {
    u32 place = hashOf(table->low[n], table->high ? table->high[n] : 0, larger.shift);
    while (larger.places[place]) place = (place + 1) & larger.mask;
    larger.places[place] = n + 1;
  }
  *table = larger;
}

// Number from 1; 0 when there is none.
ALWAYS i32 findVertex(const Table *table, u64 low, u64 high) {
  u32 place = hashOf(low, high, table->shift);
  for (;;) {
    i32 found = table->places[place];
    if (found == 0 || (table->low[found - 1] == low && (!table->high || table->high[found - 1] == high))) return found;
    place = (place + 1) & table->mask;
  }
}

ALWAYS i32 addVertex(Job *job, Table *table, u64 low, u64 high) {
  u32 place = hashOf(low, high, table->shift);
  for (;;) {
    i32 found = table->places[place];
    if (found == 0) break;
    if (table->low[found - 1] == low && (!table->high || table->high[found - 1] == high)) return found;
    place = (place + 1) & table->mask;
  }
  if (table->count == table->room) {
    growTable(job, table);
    if (job->fault) return 0;
    return addVertex(job, table, low, high);
  }
  table->low[table->count] = low;
  if (table->high) table->high[table->count] = high;
  return table->places[place] = ++table->count;
}

// ---------------------------------------------------------------- the lattice

#define ONES 0x0001000100010001ull
#define OFFSET 0x8000

// The simplex of each point, four points at a time: vertices (numbered in the thread's own table) and weights.
ALWAYS void placePoints(Job *job, Kernel *k, const i32 d, i32 thread, u32 from, u32 to) {
  const i32 corners = d + 1;
  Table *table = &k->table[thread];
  f4 scale[MAX_D], elevated[MAX_D + 1], nearest[MAX_D + 1], rest[MAX_D + 1], rank[MAX_D + 1], zeros = wasm_f32x4_splat(0);
  const f4 one = wasm_f32x4_splat(1), size = wasm_f32x4_splat((float)corners);
  const f4 perCorner = wasm_f32x4_splat(1.0f / corners);
  const float deviation = (float)(__builtin_sqrt(2.0 / 3.0) * corners);
  for (i32 i = 0; i < d; i++)
    scale[i] = wasm_f32x4_splat((float)(1.0 / __builtin_sqrt((double)((i + 2) * (i + 1))) * deviation));
  f4 widest = zeros;
  u64 lastLow = 0, lastHigh = 0;
  u32 lastOrder = 0xffffffff;
  i32 lastVertex[MAX_D + 1];

  for (u32 group = from; group < to; group += 4) {
    const i32 lanes = to - group < 4 ? to - group : 4;
    f4 sum = zeros;
    for (i32 j = d; j > 0; j--) {
      f4 feature;
      const float *f = k->features + (u64)group * d + j - 1;
      if (lanes == 4) feature = wasm_f32x4_make(f[0], f[d], f[2 * d], f[3 * d]);
      else feature = wasm_f32x4_make(f[0], lanes > 1 ? f[d] : 0, lanes > 2 ? f[2 * d] : 0, 0);
      f4 scaled = wasm_f32x4_mul(feature, scale[j - 1]);
      elevated[j] = wasm_f32x4_sub(sum, wasm_f32x4_mul(wasm_f32x4_splat((float)j), scaled));
      sum = wasm_f32x4_add(sum, scaled);
    }
    elevated[0] = sum;
    f4 excess = zeros;
    for (i32 i = 0; i < corners; i++) {
      f4 multiple = wasm_f32x4_nearest(wasm_f32x4_mul(perCorner, elevated[i]));
      nearest[i] = wasm_f32x4_mul(multiple, size);
      rest[i] = wasm_f32x4_sub(elevated[i], nearest[i]);
      excess = wasm_f32x4_add(excess, multiple);
      rank[i] = zeros;
      widest = wasm_f32x4_max(widest, wasm_f32x4_abs(elevated[i]));
    }
    for (i32 i = 0; i < d; i++)
      for (i32 j = i + 1; j < corners; j++) {
        f4 less = wasm_v128_and(one, wasm_f32x4_lt(rest[i], rest[j]));
        rank[i] = wasm_f32x4_add(rank[i], less);
        rank[j] = wasm_f32x4_add(rank[j], wasm_f32x4_sub(one, less));
      }
    float ranks[MAX_D + 1][4], rounded[MAX_D + 1][4], parts[MAX_D + 1][4];
    for (i32 i = 0; i < corners; i++) {
      f4 r = wasm_f32x4_add(rank[i], excess);
      f4 more = wasm_v128_and(size, wasm_f32x4_lt(r, zeros));
      f4 fewer = wasm_v128_and(size, wasm_f32x4_ge(r, size));
      f4 by = wasm_f32x4_sub(more, fewer);
      f4 at = wasm_f32x4_add(nearest[i], by);
      wasm_v128_store(ranks[i], wasm_f32x4_add(r, by));
      wasm_v128_store(rounded[i], at);
      wasm_v128_store(parts[i], wasm_f32x4_mul(wasm_f32x4_sub(elevated[i], at), perCorner));
    }
    // The reference fills its last group up with points at the origin: their vertices are there and hold nothing.
    for (i32 lane = 0; lane < 4; lane++) {
      const u32 point = group + lane;
      float unusedWeight[MAX_D + 1];
      i32 unusedVertex[MAX_D + 1];
      float sorted[MAX_D + 1];
      i32 owner[MAX_D + 1];
      u64 low = 0, high = 0;
      u32 order = 0;
      for (i32 i = 0; i < corners; i++) {
        i32 r = (i32)ranks[i][lane];
        // A feature that is not a number gives no place; the fault is noticed below.
        r = r < 0 || r > d ? 0 : r;
        sorted[r] = parts[i][lane];
        owner[r] = i;
        order = order * 8 + r;
        if (i < d) {
          u64 coordinate = (u64)(((i32)rounded[i][lane] + OFFSET) & 0xffff);
          if (i < 4) low |= coordinate << (16 * i);
          else high |= coordinate << (16 * (i - 4));
        }
      }
      float *weight = lane < lanes ? k->weight + (u64)point * corners : unusedWeight;
      i32 *vertex = lane < lanes ? k->vertex + (u64)point * corners : unusedVertex;
      weight[0] = sorted[d] + (1 - sorted[0]);
      for (i32 p = 1; p < corners; p++) weight[p] = sorted[d - p] - sorted[d - p + 1];
      // Neighbouring points often share their simplex.
      if (low == lastLow && high == lastHigh && order == lastOrder) {
        for (i32 p = 0; p < corners; p++) vertex[p] = lastVertex[p];
        continue;
      }
      lastLow = low, lastHigh = high, lastOrder = order;
      for (i32 p = 0; p < corners; p++) {
        vertex[p] = lastVertex[p] = addVertex(job, table, low, high);
        if (job->fault) return;
        if (p == d) break;
        const i32 turned = owner[d - p];
        low += d >= 4 ? ONES : ONES >> (16 * (4 - d));
        if (d > 4) high += ONES >> (16 * (8 - d));
        if (turned < 4 && turned < d) low -= (u64)corners << (16 * turned);
        else if (turned < d) high -= (u64)corners << (16 * (turned - 4));
      }
    }
  }
  // Not below the limit, so that what is not a number fails too.
  if (!wasm_i32x4_all_true(wasm_f32x4_lt(widest, wasm_f32x4_splat(32000.0f)))) __atomic_store_n(&job->fault, FAULT_RANGE, __ATOMIC_SEQ_CST);
}

// Vertices of the second and later threads get their numbers after those of the first, in the order of the points.
static void mergeTables(Job *job, Kernel *k) {
  Table *all = &k->table[0];
  for (i32 t = 1; t < job->threads; t++) {
    Table *own = &k->table[t];
    k->renumber[t] = need(job, 4ull * (own->count + 1));
    if (job->fault) return;
    for (u32 n = 0; n < own->count; n++) {
      k->renumber[t][n + 1] = addVertex(job, all, own->low[n], own->high ? own->high[n] : 0);
      if (job->fault) return;
    }
  }
  k->vertices = all->count;
}

static void renumberPoints(Kernel *k, i32 thread, u32 from, u32 to) {
  const i32 corners = k->d + 1;
  if (thread == 0) return;
  for (u64 n = (u64)from * corners; n < (u64)to * corners; n++) k->vertex[n] = k->renumber[thread][k->vertex[n]];
}

static void findNeighbours(Kernel *k, i32 thread, i32 threads) {
  const i32 d = k->d;
  const Table *table = &k->table[0];
  const u64 lowOnes = d >= 4 ? ONES : ONES >> (16 * (4 - d));
  const u64 highOnes = d > 4 ? ONES >> (16 * (8 - d)) : 0;
  const u32 from = share(k->vertices, thread, threads), to = share(k->vertices, thread + 1, threads);
  for (i32 j = 0; j <= d; j++) {
    const u64 low = j < 4 && j < d ? (u64)(d + 1) << (16 * j) : 0;
    const u64 high = j >= 4 && j < d ? (u64)(d + 1) << (16 * (j - 4)) : 0;
    i32 *out = k->neighbours + ((u64)j * k->vertices + from) * 2;
    for (u32 n = from; n < to; n++) {
      const u64 a = table->low[n], b = table->high ? table->high[n] : 0;
      *out++ = findVertex(table, a - lowOnes + low, b - highOnes + high);
      *out++ = findVertex(table, a + lowOnes - low, b + highOnes - high);
    }
  }
}

// Points of each vertex in their order, so that a thread can sum a vertex alone.
static void countEntries(Kernel *k, i32 thread, u32 from, u32 to) {
  const i32 corners = k->d + 1;
  u32 *counts = k->counts[thread];
  zero(counts, 4 * (k->vertices + 1));
  for (u64 n = (u64)from * corners; n < (u64)to * corners; n++) counts[k->vertex[n]]++;
}

static void placeEntries(Kernel *k, i32 threads) {
  u32 at = 0;
  for (u32 v = 1; v <= k->vertices; v++) {
    k->start[v] = at;
    for (i32 t = 0; t < threads; t++) {
      u32 count = k->counts[t][v];
      k->counts[t][v] = at;
      at += count;
    }
  }
  k->start[k->vertices + 1] = at;
}

static void fillEntries(Kernel *k, i32 thread, u32 from, u32 to) {
  const i32 corners = k->d + 1;
  u32 *counts = k->counts[thread];
  u64 n = (u64)from * corners;
  for (u32 i = from; i < to; i++)
    for (i32 j = 0; j < corners; j++, n++) {
      const u32 at = counts[k->vertex[n]]++;
      k->entryPoint[at] = i;
      k->entryWeight[at] = k->weight[n];
    }
}

// The weights that splat: those of the slice times what the normalisation puts before.
static void weighEntries(Kernel *k, i32 thread, i32 threads) {
  const u32 end = k->start[k->vertices + 1];
  const u32 from = share(end, thread, threads), to = share(end, thread + 1, threads);
  for (u32 n = from; n < to; n++) k->entryWeight[n] *= k->pre[k->entryPoint[n]];
}

// ---------------------------------------------------------------- one channel

ALWAYS void splatPoints1(Kernel *k, const i32 corners, u32 from, u32 to, const float *q, float *values) {
  zero(values, 4 * (k->vertices + 1));
  const i32 *vertex = k->vertex + (u64)from * corners;
  const float *weight = k->weight + (u64)from * corners, *pre = k->pre;
  for (u32 i = from; i < to; i++)
    for (i32 j = 0; j < corners; j++, vertex++, weight++) values[*vertex] += (*weight * pre[i]) * q[i];
}

static void splatRange1(Kernel *k, u32 from, u32 to, const float *q, float *values) {
  switch (k->d) {
    case 2: splatPoints1(k, 3, from, to, q, values); break;
    case 3: splatPoints1(k, 4, from, to, q, values); break;
    case 4: splatPoints1(k, 5, from, to, q, values); break;
    default: splatPoints1(k, k->d + 1, from, to, q, values);
  }
}

static void splatVertices1(Kernel *k, i32 thread, i32 threads, const float *q) {
  const u32 from = share(k->vertices, thread, threads), to = share(k->vertices, thread + 1, threads);
  const i32 *point = k->entryPoint;
  const float *weight = k->entryWeight;
  for (u32 v = from + 1; v <= to; v++) {
    float sum = 0;
    for (u32 n = k->start[v], end = k->start[v + 1]; n < end; n++) sum += weight[n] * q[point[n]];
    k->values[v] = sum;
  }
}

// In parts, or all at once: `sumParts` has to follow after a barrier.
static void splat1(Job *job, Kernel *k, i32 thread, const float *q) {
  const i32 threads = job->threads;
  if (k->chunks > 1) {
    for (i32 c = k->chunks * thread / threads; c < k->chunks * (thread + 1) / threads; c++)
      splatRange1(k, share(job->points, c, k->chunks), share(job->points, c + 1, k->chunks), q,
                  k->parts + (u64)c * (k->vertices + 1));
  } else if (threads > 1) {
    splatVertices1(k, thread, threads, q);
  } else {
    splatRange1(k, 0, job->points, q, k->values);
  }
  if (thread == 0) k->values[0] = k->blurred[0] = 0;
}

// The parts of each vertex, in their order. `width` numbers a vertex.
ALWAYS void sumParts(Kernel *k, i32 thread, i32 threads, const i32 width) {
  if (k->chunks == 1) return;
  const u64 part = (u64)(k->vertices + 1) * width;
  const u64 from = (u64)(share(k->vertices, thread, threads) + 1) * width;
  const u64 to = (u64)(share(k->vertices, thread + 1, threads) + 1) * width;
  for (u64 n = from; n < to; n++) {
    float sum = k->parts[n];
    for (i32 c = 1; c < k->chunks; c++) sum += k->parts[c * part + n];
    k->values[n] = sum;
  }
}

static void blur1(Job *job, Kernel *k, i32 thread, i32 direction) {
  if (direction > k->d) return;
  const u32 from = share(k->vertices, thread, job->threads), to = share(k->vertices, thread + 1, job->threads);
  const float *values = direction & 1 ? k->blurred : k->values;
  float *out = direction & 1 ? k->values : k->blurred;
  const i32 *n = k->neighbours + ((u64)direction * k->vertices + from) * 2;
  for (u32 v = from + 1; v <= to; v++, n += 2) out[v] = values[v] + 0.5f * (values[n[0]] + values[n[1]]);
}

ALWAYS const float *blurredOf(const Kernel *k) { return k->d & 1 ? k->values : k->blurred; }

ALWAYS float slice1(const Kernel *k, const i32 corners, u32 point) {
  const float *values = blurredOf(k);
  const i32 *vertex = k->vertex + (u64)point * corners;
  const float *weight = k->weight + (u64)point * corners;
  float sum = 0;
  for (i32 j = 0; j < corners; j++) sum += weight[j] * values[vertex[j]];
  return sum;
}

ALWAYS float sliceOf1(const Kernel *k, u32 point) {
  switch (k->d) {
    case 2: return slice1(k, 3, point);
    case 3: return slice1(k, 4, point);
    case 4: return slice1(k, 5, point);
    default: return slice1(k, k->d + 1, point);
  }
}

// One channel through every kernel; what is left stands in each kernel's values.
static void filter1(Job *job, i32 thread, const float *q) {
  i32 deepest = 0;
  for (i32 n = 0; n < job->kernels; n++) {
    splat1(job, &job->kernel[n], thread, q);
    deepest = job->kernel[n].d > deepest ? job->kernel[n].d : deepest;
  }
  barrier(job);
  for (i32 n = 0; n < job->kernels; n++) sumParts(&job->kernel[n], thread, job->threads, 1);
  barrier(job);
  for (i32 j = 0; j <= deepest; j++) {
    for (i32 n = 0; n < job->kernels; n++) blur1(job, &job->kernel[n], thread, j);
    barrier(job);
  }
}

// ---------------------------------------------------------------- rows of channels

// Calls with the number of vectors in a row as a constant, so that a row stays in registers.
#define BY_VECTORS(vectors, call) \
  switch (vectors) { \
    case 1: call(1); break; \
    case 2: call(2); break; \
    case 3: call(3); break; \
    case 4: call(4); break; \
    case 5: call(5); break; \
    case 6: call(6); break; \
    default: call(vectors); \
  }

// 257 labels.
#define MAX_VECTORS 64

ALWAYS void splatRows(Job *job, Kernel *k, const i32 vectors, u32 from, u32 to, float *values) {
  const i32 corners = k->d + 1;
  zero(values, 16 * (k->vertices + 1) * vectors);
  const i32 *vertex = k->vertex + (u64)from * corners;
  const float *weight = k->weight + (u64)from * corners, *pre = k->pre;
  for (u32 i = from; i < to; i++) {
    const float *q = job->q + (u64)i * 4 * vectors;
    f4 row[MAX_VECTORS];
    for (i32 c = 0; c < vectors; c++) row[c] = wasm_v128_load(q + 4 * c);
    for (i32 j = 0; j < corners; j++, vertex++, weight++) {
      const f4 w = wasm_f32x4_splat(*weight * pre[i]);
      float *at = values + (u64)*vertex * 4 * vectors;
      for (i32 c = 0; c < vectors; c++)
        wasm_v128_store(at + 4 * c, wasm_f32x4_add(wasm_v128_load(at + 4 * c), wasm_f32x4_mul(w, row[c])));
    }
  }
}

static void splatRange(Job *job, Kernel *k, u32 from, u32 to, float *values) {
#define SPLAT(vectors) splatRows(job, k, vectors, from, to, values)
  BY_VECTORS(job->vectors, SPLAT)
}

ALWAYS void splatVerticesRows(Job *job, Kernel *k, i32 thread, const i32 vectors) {
  const u32 from = share(k->vertices, thread, job->threads), to = share(k->vertices, thread + 1, job->threads);
  for (u32 v = from + 1; v <= to; v++) {
    f4 row[MAX_VECTORS];
    for (i32 c = 0; c < vectors; c++) row[c] = wasm_f32x4_splat(0);
    for (u32 n = k->start[v], end = k->start[v + 1]; n < end; n++) {
      const f4 w = wasm_v128_load32_splat(k->entryWeight + n);
      const float *q = job->q + (u64)k->entryPoint[n] * 4 * vectors;
      for (i32 c = 0; c < vectors; c++) row[c] = wasm_f32x4_add(row[c], wasm_f32x4_mul(w, wasm_v128_load(q + 4 * c)));
    }
    for (i32 c = 0; c < vectors; c++) wasm_v128_store(k->values + ((u64)v * vectors + c) * 4, row[c]);
  }
}

static void splatVertices(Job *job, Kernel *k, i32 thread) {
#define SPLAT_VERTICES(vectors) splatVerticesRows(job, k, thread, vectors)
  BY_VECTORS(job->vectors, SPLAT_VERTICES)
}

static void splat4(Job *job, Kernel *k, i32 thread) {
  const i32 threads = job->threads;
  const u64 part = (u64)(k->vertices + 1) * 4 * job->vectors;
  if (k->chunks > 1) {
    for (i32 c = k->chunks * thread / threads; c < k->chunks * (thread + 1) / threads; c++)
      splatRange(job, k, share(job->points, c, k->chunks), share(job->points, c + 1, k->chunks), k->parts + c * part);
  } else if (threads > 1) {
    splatVertices(job, k, thread);
  } else {
    splatRange(job, k, 0, job->points, k->values);
  }
  if (thread > 0) return;
  zero(k->values, 16 * job->vectors);
  zero(k->blurred, 16 * job->vectors);
}

ALWAYS void blurRows(Kernel *k, const i32 vectors, u32 from, u32 to, i32 direction) {
  const float *values = direction & 1 ? k->blurred : k->values;
  float *out = direction & 1 ? k->values : k->blurred;
  const f4 half = wasm_f32x4_splat(0.5f);
  const i32 *n = k->neighbours + ((u64)direction * k->vertices + from) * 2;
  for (u32 v = from + 1; v <= to; v++, n += 2) {
    const float *a = values + (u64)n[0] * 4 * vectors, *b = values + (u64)n[1] * 4 * vectors;
    const u64 at = (u64)v * 4 * vectors;
    for (i32 c = 0; c < 4 * vectors; c += 4) {
      const f4 sides = wasm_f32x4_mul(half, wasm_f32x4_add(wasm_v128_load(a + c), wasm_v128_load(b + c)));
      wasm_v128_store(out + at + c, wasm_f32x4_add(wasm_v128_load(values + at + c), sides));
    }
  }
}

// Channels through every kernel: threads share points, then vertices.
static void filter4(Job *job, i32 thread) {
  const i32 threads = job->threads;
  i32 deepest = 0;
  for (i32 n = 0; n < job->kernels; n++) {
    splat4(job, &job->kernel[n], thread);
    deepest = job->kernel[n].d > deepest ? job->kernel[n].d : deepest;
  }
  barrier(job);
  for (i32 n = 0; n < job->kernels; n++) sumParts(&job->kernel[n], thread, threads, 4 * job->vectors);
  barrier(job);
  for (i32 j = 0; j <= deepest; j++) {
    for (i32 n = 0; n < job->kernels; n++) {
      Kernel *k = &job->kernel[n];
      if (j <= k->d)
        blurRows(k, job->vectors, share(k->vertices, thread, threads), share(k->vertices, thread + 1, threads), j);
    }
    barrier(job);
  }
}

// ---------------------------------------------------------------- points

static void noteChange(Job *job, i32 thread, float change) { job->changes[thread * 16] = change; }

// Two labels: the sigmoid of the difference of their energies.
static void updateTwo(Job *job, i32 thread, i32 isFirst, u32 from, u32 to) {
  f4 change = wasm_f32x4_splat(0);
  for (u32 i = from; i < to; i += 4) {
    float x[4] = {0, 0, 0, 0};
    const i32 lanes = to - i < 4 ? to - i : 4;
    for (i32 l = 0; l < lanes; l++) {
      const u32 p = i + l;
      float message = 0;
      if (!isFirst) {
        for (i32 n = 0; n < job->kernels; n++) message += job->kernel[n].post[p] * sliceOf1(&job->kernel[n], p);
        message = message + message - job->ones[p];
      }
      x[l] = job->base[p] + message;
    }
    const f4 one = wasm_f32x4_splat(1);
    const f4 e = wasm_v128_load(x);
    // Of the smaller energy's side, so that the exponential never overflows.
    const f4 small = expOf(wasm_f32x4_neg(wasm_f32x4_abs(e)));
    const f4 whole = wasm_f32x4_div(one, wasm_f32x4_add(one, small));
    const f4 rest = wasm_f32x4_mul(small, whole);
    const f4 isPositive = wasm_f32x4_ge(e, wasm_f32x4_splat(0));
    const f4 q = wasm_v128_bitselect(whole, rest, isPositive);
    const f4 none = wasm_v128_bitselect(rest, whole, isPositive);
    float now[4], other[4];
    wasm_v128_store(now, q);
    wasm_v128_store(other, none);
    for (i32 l = 0; l < lanes; l++) {
      float by = now[l] - job->q[i + l];
      by = by < 0 ? -by : by;
      if (by > wasm_f32x4_extract_lane(change, 0)) change = wasm_f32x4_splat(by);
      job->q[i + l] = now[l];
      job->none[i + l] = other[l];
    }
  }
  noteChange(job, thread, wasm_f32x4_extract_lane(change, 0));
}

// The filtered channels of a point, times its factor, onto a row.
ALWAYS void sliceRow(const Kernel *k, u32 point, f4 *row, const i32 vectors) {
  const i32 corners = k->d + 1;
  const float *values = blurredOf(k), post = k->post[point];
  const i32 *vertex = k->vertex + (u64)point * corners;
  const float *weight = k->weight + (u64)point * corners;
  for (i32 j = 0; j < corners; j++) {
    const f4 w = wasm_f32x4_splat(weight[j] * post);
    const float *at = values + (u64)vertex[j] * 4 * vectors;
    for (i32 c = 0; c < vectors; c++) row[c] = wasm_f32x4_add(row[c], wasm_f32x4_mul(w, wasm_v128_load(at + 4 * c)));
  }
}

// Marginals of a point from its energies against label 0, which come in `e`; gives the largest change.
ALWAYS float settle(Job *job, u32 point, f4 *e, const i32 vectors) {
  f4 top4 = wasm_f32x4_splat(0);
  for (i32 c = 0; c < vectors; c++) top4 = wasm_f32x4_pmax(top4, e[c]);
  const f4 largest = wasm_f32x4_splat(largestOf(top4));
  const f4 rest = expOf(wasm_f32x4_neg(largest));
  f4 sum = wasm_f32x4_splat(0);
  for (i32 c = 0; c < vectors; c++) {
    e[c] = expOf(wasm_f32x4_sub(e[c], largest));
    sum = wasm_f32x4_add(sum, e[c]);
  }
  const float none = wasm_f32x4_extract_lane(rest, 0);
  const float per = 1 / (none + sumOf(sum));
  f4 change = wasm_f32x4_splat(0);
  float *q = job->q + (u64)point * 4 * vectors;
  for (i32 c = 0; c < vectors; c++, q += 4) {
    const f4 now = wasm_f32x4_mul(e[c], wasm_f32x4_splat(per));
    change = wasm_f32x4_pmax(change, wasm_f32x4_abs(wasm_f32x4_sub(now, wasm_v128_load(q))));
    wasm_v128_store(q, now);
  }
  job->none[point] = none * per;
  return largestOf(change);
}

// Energies of a kernel with a cost for each pair of labels, against label 0, onto a row.
static void addPenalties(Job *job, const Kernel *k, i32 n, u32 point, float *against) {
  const i32 vectors = job->vectors, channels = job->labels - 1;
  f4 row[MAX_VECTORS];
  float message[MAX_VECTORS * 4 + 1], sum = 0;
  for (i32 c = 0; c < vectors; c++) row[c] = wasm_f32x4_splat(0);
  sliceRow(k, point, row, vectors);
  for (i32 c = 0; c < vectors; c++) wasm_v128_store(message + 1 + 4 * c, row[c]);
  for (i32 c = 1; c <= channels; c++) sum += message[c];
  message[0] = job->scratch[(u64)n * job->points + point] - sum;
  for (i32 c = 1; c <= channels; c++) {
    if (!k->matrix) {
      against[c - 1] += message[c] - message[0];
      continue;
    }
    const float *costs = k->matrix + c * job->labels;
    float dot = 0;
    for (i32 m = 0; m <= channels; m++) dot += (costs[m] - k->matrix[m]) * message[m];
    against[c - 1] -= dot;
  }
}

static float updatePenalised(Job *job, u32 from, u32 to) {
  const i32 vectors = job->vectors;
  float change = 0;
  for (u32 i = from; i < to; i++) {
    f4 e[MAX_VECTORS];
    float against[MAX_VECTORS * 4] = {0};
    for (i32 n = 0; n < job->kernels; n++) addPenalties(job, &job->kernel[n], n, i, against);
    for (i32 c = 0; c < vectors; c++)
      e[c] = wasm_f32x4_add(wasm_v128_load(job->base + ((u64)i * vectors + c) * 4), wasm_v128_load(against + c * 4));
    const float by = settle(job, i, e, vectors);
    if (by > change) change = by;
  }
  return change;
}

ALWAYS float updateRows(Job *job, i32 isFirst, u32 from, u32 to, const i32 vectors) {
  float change = 0;
  for (u32 i = from; i < to; i++) {
    f4 e[MAX_VECTORS];
    const float *base = job->base + (u64)i * 4 * vectors;
    if (isFirst) {
      for (i32 c = 0; c < vectors; c++) e[c] = wasm_v128_load(base + 4 * c);
    } else {
      for (i32 c = 0; c < vectors; c++) e[c] = wasm_f32x4_splat(0);
      for (i32 n = 0; n < job->kernels; n++) sliceRow(&job->kernel[n], i, e, vectors);
      f4 sum = e[0];
      for (i32 c = 1; c < vectors; c++) sum = wasm_f32x4_add(sum, e[c]);
      const f4 none = wasm_f32x4_splat(job->ones[i] - sumOf(sum));
      for (i32 c = 0; c < vectors; c++)
        e[c] = wasm_f32x4_add(wasm_v128_load(base + 4 * c), wasm_f32x4_sub(e[c], none));
    }
    const float by = settle(job, i, e, vectors);
    if (by > change) change = by;
  }
  return change;
}

static void updateMany(Job *job, i32 thread, i32 isFirst, u32 from, u32 to) {
  i32 hasMatrix = 0;
  for (i32 n = 0; n < job->kernels; n++) hasMatrix |= job->kernel[n].matrix != 0;
  float change = 0;
#define UPDATE(vectors) change = updateRows(job, isFirst, from, to, vectors)
  if (hasMatrix && !isFirst) change = updatePenalised(job, from, to);
  else BY_VECTORS(job->vectors, UPDATE)
  noteChange(job, thread, change);
}

static void update(Job *job, i32 thread, i32 isFirst, u32 from, u32 to) {
  if (job->width == 1) updateTwo(job, thread, isFirst, from, to);
  else updateMany(job, thread, isFirst, from, to);
}

// The logarithms of four points of a label, of probabilities in [1e-5, 1]; beyond the last point, of 1.
ALWAYS f4 logsOf(const float *given, i32 lanes) {
  const f4 least = wasm_f32x4_splat(1e-5f), most = wasm_f32x4_splat(1);
  f4 p = most;
  if (lanes == 4) p = wasm_v128_load(given);
  else p = wasm_f32x4_make(given[0], lanes > 1 ? given[1] : 1, lanes > 2 ? given[2] : 1, 1);
  return logOf(wasm_f32x4_pmax(least, wasm_f32x4_pmin(most, p)));
}

// Four rows of four as four columns.
ALWAYS void transpose(f4 *m) {
  const f4 a = wasm_i32x4_shuffle(m[0], m[1], 0, 4, 1, 5), b = wasm_i32x4_shuffle(m[0], m[1], 2, 6, 3, 7);
  const f4 c = wasm_i32x4_shuffle(m[2], m[3], 0, 4, 1, 5), d = wasm_i32x4_shuffle(m[2], m[3], 2, 6, 3, 7);
  m[0] = wasm_i64x2_shuffle(a, c, 0, 2);
  m[1] = wasm_i64x2_shuffle(a, c, 1, 3);
  m[2] = wasm_i64x2_shuffle(b, d, 0, 2);
  m[3] = wasm_i64x2_shuffle(b, d, 1, 3);
}

// Energies against label 0, -log p; beyond the last label, never.
static void readGiven(Job *job, u32 from, u32 to) {
  const i32 channels = job->labels - 1, vectors = job->vectors;
  for (u32 i = from; i < to; i += 4) {
    const i32 lanes = to - i < 4 ? to - i : 4;
    const f4 none = logsOf(job->given + i, lanes);
    for (i32 c = 0; c < vectors; c++) {
      f4 rows[4];
      for (i32 n = 0; n < 4; n++) {
        const i32 channel = 4 * c + n;
        rows[n] = wasm_f32x4_splat(-1e30f);
        if (channel < channels)
          rows[n] = wasm_f32x4_sub(logsOf(job->given + (u64)(channel + 1) * job->points + i, lanes), none);
      }
      if (job->width == 1) {
        for (i32 l = 0; l < lanes; l++) {
          float out[4];
          wasm_v128_store(out, rows[0]);
          job->base[i + l] = out[l];
        }
        continue;
      }
      transpose(rows);
      for (i32 l = 0; l < lanes; l++) wasm_v128_store(job->base + ((u64)(i + l) * vectors + c) * 4, rows[l]);
    }
  }
}

static void writeOut(Job *job, u32 from, u32 to) {
  const i32 channels = job->labels - 1, vectors = job->vectors;
  copy(job->given + from, job->none + from, 4 * (to - from));
  if (job->width == 1) {
    copy(job->given + job->points + from, job->q + from, 4 * (to - from));
    return;
  }
  for (u32 i = from; i < to; i += 4) {
    const i32 lanes = to - i < 4 ? to - i : 4;
    for (i32 c = 0; c < vectors; c++) {
      f4 rows[4];
      for (i32 l = 0; l < 4; l++) rows[l] = wasm_v128_load(job->q + ((u64)(i + (l < lanes ? l : 0)) * vectors + c) * 4);
      transpose(rows);
      for (i32 n = 0; n < 4 && 4 * c + n < channels; n++) {
        float *out = job->given + (u64)(4 * c + n + 1) * job->points + i;
        if (lanes == 4) {
          wasm_v128_store(out, rows[n]);
          continue;
        }
        float four[4];
        wasm_v128_store(four, rows[n]);
        for (i32 l = 0; l < lanes; l++) out[l] = four[l];
      }
    }
  }
}

// ---------------------------------------------------------------- the whole

static void place(Job *job, Kernel *k, i32 thread, u32 from, u32 to) {
  openTable(job, &k->table[thread], (to - from) / 4, k->d > 4);
  if (job->fault) return;
  switch (k->d) {
    case 2: placePoints(job, k, 2, thread, from, to); break;
    case 3: placePoints(job, k, 3, thread, from, to); break;
    case 4: placePoints(job, k, 4, thread, from, to); break;
    default: placePoints(job, k, k->d, thread, from, to);
  }
}

// What threads share is taken by the first of them.
static void takeVertices(Job *job, Kernel *k) {
  mergeTables(job, k);
  if (job->fault) return;
  const u64 corners = k->d + 1, entries = corners * job->points, vertices = k->vertices;
  k->neighbours = need(job, 8 * corners * vertices);
  const u64 values = 4ull * (vertices + 1) * job->vectors * job->width;
  k->values = need(job, values);
  k->blurred = need(job, values);
  k->pre = need(job, 4ull * job->points);
  k->post = need(job, 4ull * job->points);
  // Few vertices: sums of parts cost less than lists of the points of each vertex, and are the same for any threads.
  k->chunks = 8 * (vertices + 1) <= job->points ? (job->vectors > 1 ? 4 : 8) : 1;
  if (k->chunks > 1) k->parts = need(job, k->chunks * values);
  if (job->threads == 1 || k->chunks > 1) return;
  k->start = need(job, 4 * (vertices + 2));
  k->entryPoint = need(job, 4 * entries);
  k->entryWeight = need(job, 4 * entries);
  for (i32 t = 0; t < job->threads; t++) k->counts[t] = need(job, 4 * (vertices + 1));
}

static int build(Job *job, i32 thread, u32 from, u32 to) {
  const i32 threads = job->threads;
  for (i32 n = 0; n < job->kernels && !job->fault; n++) place(job, &job->kernel[n], thread, from, to);
  barrier(job);
  if (job->fault) return 0;
  if (thread == 0)
    for (i32 n = 0; n < job->kernels && !job->fault; n++) takeVertices(job, &job->kernel[n]);
  barrier(job);
  if (job->fault) return 0;
  for (i32 n = 0; n < job->kernels; n++) {
    Kernel *k = &job->kernel[n];
    renumberPoints(k, thread, from, to);
    findNeighbours(k, thread, threads);
    for (u32 i = from; i < to; i++) k->pre[i] = 1;
    if (threads > 1 && k->chunks == 1) countEntries(k, thread, from, to);
  }
  barrier(job);
  if (threads > 1) {
    for (i32 n = thread; n < job->kernels; n += threads)
      if (job->kernel[n].chunks == 1) placeEntries(&job->kernel[n], threads);
    barrier(job);
    for (i32 n = 0; n < job->kernels; n++)
      if (job->kernel[n].chunks == 1) fillEntries(&job->kernel[n], thread, from, to);
    barrier(job);
  }
  return 1;
}

// pydensecrf's normalisations, from the filter of ones.
static void normalise(Job *job, i32 thread, u32 from, u32 to) {
  for (u32 i = from; i < to; i++) job->none[i] = 1;
  barrier(job);
  filter1(job, thread, job->none);
  for (i32 n = 0; n < job->kernels; n++) {
    Kernel *k = &job->kernel[n];
    const float alpha = 1 / (1 + 1.0f / (1 << k->d));
    for (u32 i = from; i < to; i++) k->post[i] = alpha * sliceOf1(k, i);
  }
  barrier(job);
  for (i32 n = 0; n < job->kernels; n++) {
    Kernel *k = &job->kernel[n];
    const float alpha = 1 / (1 + 1.0f / (1 << k->d));
    const float potts = k->matrix ? 1 : k->potts;
    for (u32 i = from; i < to; i++) {
      const float norm = k->post[i];
      const float root = k->normalisation == NORM_SYMMETRIC ? (float)(1.0 / __builtin_sqrt(norm + 1e-20)) : (float)(1.0 / (norm + 1e-20));
      const i32 before = k->normalisation == NORM_BEFORE || k->normalisation == NORM_SYMMETRIC;
      const i32 after = k->normalisation == NORM_AFTER || k->normalisation == NORM_SYMMETRIC;
      k->pre[i] = before ? root : 1;
      k->post[i] = (after ? root : 1) * alpha * potts;
    }
  }
  barrier(job);
  if (job->threads > 1)
    for (i32 n = 0; n < job->kernels; n++)
      if (job->kernel[n].chunks == 1) weighEntries(&job->kernel[n], thread, job->threads);
  barrier(job);
  filter1(job, thread, job->none);
  for (u32 i = from; i < to; i++) job->ones[i] = 0;
  for (i32 n = 0; n < job->kernels; n++) {
    Kernel *k = &job->kernel[n];
    for (u32 i = from; i < to; i++) {
      const float one = k->post[i] * sliceOf1(k, i);
      job->ones[i] += one;
      if (job->scratch) job->scratch[(u64)n * job->points + i] = one;
    }
  }
  barrier(job);
}

static void takePoints(Job *job) {
  const i32 channels = job->labels - 1;
  i32 hasMatrix = 0;
  for (i32 n = 0; n < job->kernels; n++) hasMatrix |= job->kernel[n].matrix != 0;
  // With a matrix, two labels are treated as many.
  job->width = channels == 1 && !hasMatrix ? 1 : 4;
  job->vectors = job->width == 1 ? 1 : (channels + 3) / 4;
  const u64 rows = 4ull * job->points * job->width * job->vectors;
  job->base = need(job, rows);
  job->q = need(job, rows);
  job->none = need(job, 4ull * job->points);
  job->ones = need(job, 4ull * job->points);
  job->scratch = 0;
  for (i32 n = 0; n < job->kernels; n++) {
    Kernel *k = &job->kernel[n];
    const u64 entries = (u64)(k->d + 1) * job->points;
    k->vertex = need(job, 4 * entries);
    k->weight = need(job, 4 * entries);
  }
  if (hasMatrix) job->scratch = need(job, 4ull * job->points * job->kernels);
}

EXPORT void run(Job *job, i32 thread) {
  const u32 from = share(job->points, thread, job->threads), to = share(job->points, thread + 1, job->threads);
  if (thread == 0) takePoints(job);
  barrier(job);
  if (job->fault) return;
  readGiven(job, from, to);
  update(job, thread, 1, from, to);
  barrier(job);
  if (job->kernels > 0 && job->iterations > 0) {
    if (!build(job, thread, from, to)) return;
    normalise(job, thread, from, to);
    // The filter of ones passed through `none`.
    update(job, thread, 1, from, to);
    barrier(job);
  }
  i32 done = 0;
  float change = 0;
  while (done < job->iterations) {
    if (job->kernels > 0) {
      if (job->width == 1) filter1(job, thread, job->q);
      else filter4(job, thread);
    }
    update(job, thread, job->kernels == 0, from, to);
    barrier(job);
    done++;
    change = 0;
    for (i32 t = 0; t < job->threads; t++) change = job->changes[t * 16] > change ? job->changes[t * 16] : change;
    barrier(job);
    if (job->tolerance > 0 && change <= job->tolerance) break;
  }
  if (thread == 0) job->done = done, job->change = change;
  writeOut(job, from, to);
}
