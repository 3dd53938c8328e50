// Resizing with AVX2: two rows a vector.
#include "resize_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)

#define ROWS 2
#define NAME(x) resize_avx2_##x
typedef __m256i vector;

static inline vector NAME(repeated)(int32_t value) { return _mm256_set1_epi32(value); }
static inline vector NAME(sum)(vector a, vector b) { return _mm256_add_epi32(a, b); }
static inline vector NAME(products)(vector a, vector b) { return _mm256_madd_epi16(a, b); }

// 16 bytes of each of two rows.
static inline vector NAME(gathered)(const uint8_t *at, size_t stride) {
  vector rows = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)at));
  return _mm256_inserti128_si256(rows, _mm_loadu_si128((const __m128i *)(at + stride)), 1);
}

// The channels of pixels 0 and 1, or 2 and 3, of each row, in pairs of 16 bits: red and red, green and green, blue and blue.
static inline vector NAME(channel_pairs)(vector pixels, int which) {
  const __m128i first = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
  const __m128i second = _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  return _mm256_shuffle_epi8(pixels, _mm256_broadcastsi128_si256(which ? second : first));
}

// The rounded and clamped sums, four bytes a row.
static inline void NAME(bytes)(vector high, vector low, uint32_t rgb[ROWS]) {
  vector sum = _mm256_add_epi32(_mm256_slli_epi32(high, 11), low);
  sum = _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (AVIARY_RESIZE_BITS - 1))), AVIARY_RESIZE_BITS);
  sum = _mm256_packus_epi32(sum, sum);
  sum = _mm256_packus_epi16(sum, sum);
  rgb[0] = (uint32_t)_mm256_extract_epi32(sum, 0);
  rgb[1] = (uint32_t)_mm256_extract_epi32(sum, 4);
}

#include "resize_kernels.h"

#pragma clang attribute pop
#endif
