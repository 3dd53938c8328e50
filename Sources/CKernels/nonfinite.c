#include "nonfinite.h"

#include "multiversion.h"
#include "parallel.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define GRAIN 16384

#if defined(__x86_64__)
#include <xmmintrin.h>

static void take_flag(void *context, int thread, int threads) {
  (void)thread, (void)threads;
  const unsigned state = _mm_getcsr();
  if (!(state & _MM_EXCEPT_INVALID)) return;
  _mm_setcsr(state & ~(unsigned)_MM_EXCEPT_INVALID);
  __atomic_store_n((bool *)context, true, __ATOMIC_RELAXED);
}

bool ak_took_invalid(void) {
  bool taken = false;
  ak_parallel(take_flag, &taken);
  return taken;
}
#else
bool ak_took_invalid(void) { return true; }
#endif

typedef struct {
  const float *x;
  float *y;
  bool found;
} work;

AVIARY_MULTIVERSION static bool has_nonfinite(const float *x, size_t count) {
  uint32_t found = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    found |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  return found;
}

static void search(void *context, size_t start, size_t end) {
  work *w = context;
  if (has_nonfinite(w->x + start, end - start)) __atomic_store_n(&w->found, true, __ATOMIC_RELAXED);
}

bool ak_is_finite(const float *x, size_t count) {
  work w = {x, 0, false};
  ak_parallel_ranges(count, GRAIN, search, &w);
  return !w.found;
}

typedef struct {
  const uint16_t *x;
  /// What is looked for: numbers with these bits under the mask.
  uint16_t mask, bits;
  bool found;
} search16;

AVIARY_MULTIVERSION static bool has_bits(const uint16_t *x, size_t count, uint16_t mask, uint16_t bits) {
  uint16_t found = 0;
  for (size_t i = 0; i < count; i++) found |= (x[i] & mask) == bits;
  return found;
}

static void search_bits(void *context, size_t start, size_t end) {
  search16 *w = context;
  if (has_bits(w->x + start, end - start, w->mask, w->bits)) __atomic_store_n(&w->found, true, __ATOMIC_RELAXED);
}

bool ak_is_finite_bfloat16(const uint16_t *x, size_t count) {
  search16 w = {x, 0x7f80, 0x7f80, false};
  ak_parallel_ranges(count, 2 * GRAIN, search_bits, &w);
  return !w.found;
}

bool ak_has_lowest_bfloat16(const uint16_t *x, size_t count) {
  search16 w = {x, 0xffff, 0xff7f, false};
  ak_parallel_ranges(count, 2 * GRAIN, search_bits, &w);
  return w.found;
}

static void mark(void *context, size_t start, size_t end) {
  const work *w = context;
  for (size_t i = start; i < end; i++) w->y[i] = isnan(w->x[i]) ? INFINITY : 0;
}

void ak_mark_nan(const float *x, float *marks, size_t count) {
  ak_parallel_ranges(count, GRAIN, mark, &(work){x, marks, false});
}

static void restore(void *context, size_t start, size_t end) {
  const work *w = context;
  for (size_t i = start; i < end; i++)
    if (isnan(w->x[i])) w->y[i] = NAN;
}

void ak_restore_nan(const float *x, float *y, size_t count) {
  ak_parallel_ranges(count, GRAIN, restore, &(work){x, y, false});
}

static void replace(void *context, size_t start, size_t end) {
  const work *w = context;
  for (size_t i = start; i < end; i++) w->y[i] = isnan(w->x[i]) ? INFINITY : w->x[i];
}

void ak_nan_to_infinity(const float *x, float *y, size_t count) {
  ak_parallel_ranges(count, GRAIN, replace, &(work){x, y, false});
}

AVIARY_MULTIVERSION static bool has_lowest(const float *x, size_t count) {
  uint32_t found = 0;
  for (size_t i = 0; i < count; i++) found |= x[i] == -FLT_MAX;
  return found;
}

static void search_lowest(void *context, size_t start, size_t end) {
  work *w = context;
  if (has_lowest(w->x + start, end - start)) __atomic_store_n(&w->found, true, __ATOMIC_RELAXED);
}

bool ak_has_lowest(const float *x, size_t count) {
  work w = {x, 0, false};
  ak_parallel_ranges(count, GRAIN, search_lowest, &w);
  return w.found;
}

static void mark_above(void *context, size_t start, size_t end) {
  const work *w = context;
  for (size_t i = start; i < end; i++) w->y[i] = w->x[i] == -INFINITY ? 0 : 1;
}

void ak_mark_above(const float *x, float *marks, size_t count) {
  ak_parallel_ranges(count, GRAIN, mark_above, &(work){x, marks, false});
}

static void lower(void *context, size_t start, size_t end) {
  const work *w = context;
  for (size_t i = start; i < end; i++)
    if (w->y[i] == -FLT_MAX && w->x[i] == 0) w->y[i] = -INFINITY;
}

void ak_lowest_to_infinity(const float *marks, float *y, size_t count) {
  ak_parallel_ranges(count, GRAIN, lower, &(work){marks, y, false});
}

// Blocks without any, which is nearly all of them, are only searched.
#define BLOCK 4096

#define COUNTING(WORD)                                                                                             \
  AVIARY_MULTIVERSION static bool found_##WORD(const unsigned char *x, size_t count, WORD infinity) {             \
    WORD found = 0;                                                                                                \
    for (size_t i = 0; i < count; i++) {                                                                          \
      WORD bits;                                                                                                   \
      memcpy(&bits, x + i * sizeof bits, sizeof bits);                                                            \
      found |= (bits & infinity) == infinity;                                                                     \
    }                                                                                                              \
    return found;                                                                                                  \
  }                                                                                                                \
  static ak_nonfinite count_##WORD(const unsigned char *x, size_t count, WORD infinity) {                         \
    ak_nonfinite total = {0, 0};                                                                                   \
    for (size_t start = 0; start < count; start += BLOCK) {                                                       \
      const size_t size = count - start < BLOCK ? count - start : BLOCK;                                          \
      const unsigned char *block = x + start * sizeof(WORD);                                                      \
      if (!found_##WORD(block, size, infinity)) continue;                                                         \
      for (size_t i = 0; i < size; i++) {                                                                         \
        WORD bits;                                                                                                 \
        memcpy(&bits, block + i * sizeof bits, sizeof bits);                                                      \
        if ((bits & infinity) != infinity) continue;                                                              \
        const WORD magnitude = bits & (WORD)~((WORD)1 << (8 * sizeof bits - 1));                                  \
        if (magnitude > infinity) total.nan++;                                                                    \
        else total.infinite++;                                                                                     \
      }                                                                                                            \
    }                                                                                                              \
    return total;                                                                                                  \
  }

COUNTING(uint16_t)
COUNTING(uint32_t)
COUNTING(uint64_t)

ak_nonfinite ak_count_nonfinite(const void *x, size_t count, int bits, uint64_t infinity) {
  switch (bits) {
  case 16: return count_uint16_t(x, count, (uint16_t)infinity);
  case 32: return count_uint32_t(x, count, (uint32_t)infinity);
  default: return count_uint64_t(x, count, infinity);
  }
}
