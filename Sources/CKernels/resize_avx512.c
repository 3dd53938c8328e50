// Resizing with AVX-512: four rows a vector.
#include "resize_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)

#define ROWS 4
#define NAME(x) resize_avx512_##x
typedef __m512i vector;

static inline vector NAME(repeated)(int32_t value) { return _mm512_set1_epi32(value); }
static inline vector NAME(sum)(vector a, vector b) { return _mm512_add_epi32(a, b); }
static inline vector NAME(products)(vector a, vector b) { return _mm512_madd_epi16(a, b); }

// 16 bytes of each of four rows.
static inline vector NAME(gathered)(const uint8_t *at, size_t stride) {
  vector rows = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)at));
  rows = _mm512_inserti32x4(rows, _mm_loadu_si128((const __m128i *)(at + stride)), 1);
  rows = _mm512_inserti32x4(rows, _mm_loadu_si128((const __m128i *)(at + 2 * stride)), 2);
  return _mm512_inserti32x4(rows, _mm_loadu_si128((const __m128i *)(at + 3 * stride)), 3);
}

// The channels of pixels 0 and 1, or 2 and 3, of each row, in pairs of 16 bits: red and red, green and green, blue and blue.
static inline vector NAME(channel_pairs)(vector pixels, int which) {
  const __m128i first = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
  const __m128i second = _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  return _mm512_shuffle_epi8(pixels, _mm512_broadcast_i32x4(which ? second : first));
}

// The rounded and clamped sums, four bytes a row.
static inline void NAME(bytes)(vector high, vector low, uint32_t rgb[ROWS]) {
  vector sum = _mm512_add_epi32(_mm512_slli_epi32(high, 11), low);
  sum = _mm512_srai_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(1 << (AVIARY_RESIZE_BITS - 1))), AVIARY_RESIZE_BITS);
  sum = _mm512_max_epi32(sum, _mm512_setzero_si512());
  _mm_storeu_si128((__m128i *)rgb, _mm512_cvtusepi32_epi8(sum));
}

#include "resize_kernels.h"

#pragma clang attribute pop
#pragma clang attribute pop
#endif
