// CRC-32C in three ways.
// Anywhere: eight table look-ups for every eight bytes.
// By the processor's own instruction, where there is one. It has a latency of three cycles and can start every cycle,
// so three streams run side by side; the checksums of the first two are then carried over the bytes that follow them,
// which is a linear map and is done with four look-ups.
// By carry-less multiplication of 512-bit registers, where there are such (Gopal et al., "Fast CRC computation for
// generic polynomials using PCLMULQDQ", 2009): 256 bytes are kept that have the same remainder as all bytes so far, and
// every further 256 bytes cost a multiplication of each half word, which carries what is kept over them. The instruction
// takes the remainder in the end.
#include "crc32c.h"

#include <pthread.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define AVIARY_CRC_HARDWARE __attribute__((target("sse4.2")))
#define CRC_WORD(crc, word) ((uint32_t)_mm_crc32_u64((crc), (word)))
#define CRC_BYTE(crc, byte) _mm_crc32_u8((crc), (byte))
#define AVIARY_CRC_FOLDING __attribute__((target("sse4.2,avx512f,vpclmulqdq")))
#elif defined(__aarch64__)
#include <arm_acle.h>
#if defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif
#if defined(__clang__)
#define AVIARY_CRC_HARDWARE __attribute__((target("crc")))
#else
#define AVIARY_CRC_HARDWARE __attribute__((target("+crc")))
#endif
#define CRC_WORD(crc, word) __crc32cd((crc), (word))
#define CRC_BYTE(crc, byte) __crc32cb((crc), (byte))
#endif

#define REFLECTED_POLYNOMIAL 0x82f63b78u

/// Bytes of one of the three streams: long runs, and short runs for what is left. Powers of two.
enum { LONG_RUN = 8192, SHORT_RUN = 256 };

static uint32_t slices[8][256];
static uint32_t over_long[4][256], over_short[4][256];
static pthread_once_t built = PTHREAD_ONCE_INIT;
static int has_instruction;

/// Bytes that folding keeps.
enum { FOLDED = 256 };
/// What carries the lower and the upper half of 128 bits over `FOLDED` bytes.
static uint64_t fold_lower, fold_upper;
static int has_folding;

/// The product of a 32×32 matrix over GF(2) (one column a word) and a vector.
static uint32_t times(const uint32_t matrix[32], uint32_t vector) {
  uint32_t sum = 0;
  for (int i = 0; vector; i++, vector >>= 1)
    if (vector & 1) sum ^= matrix[i];
  return sum;
}

/// Fills the table of the map that carries a checksum over `run` zero bytes; `run` is a power of two.
static void build_carry(uint32_t table[4][256], size_t run) {
  uint32_t matrix[32], square[32];
  for (int i = 0; i < 32; i++) {  // over one zero byte
    uint32_t crc = 1u << i;
    matrix[i] = slices[0][crc & 0xff] ^ (crc >> 8);
  }
  for (; run > 1; run >>= 1) {
    for (int i = 0; i < 32; i++) square[i] = times(matrix, matrix[i]);
    memcpy(matrix, square, sizeof matrix);
  }
  for (int place = 0; place < 4; place++)
    for (uint32_t byte = 0; byte < 256; byte++) table[place][byte] = times(matrix, byte << (8 * place));
}

/// x to the power of `exponent` modulo the polynomial, as a factor of a carry-less product of reflected numbers.
static uint64_t power_of_x(int exponent) {
  uint32_t power = 0x80000000u;
  for (; exponent; exponent--) power = (power >> 1) ^ ((power & 1) ? REFLECTED_POLYNOMIAL : 0);
  return (uint64_t)power << 1;
}

static void build(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) ? REFLECTED_POLYNOMIAL : 0);
    slices[0][byte] = crc;
  }
  for (int slice = 1; slice < 8; slice++)
    for (int byte = 0; byte < 256; byte++) {
      uint32_t crc = slices[slice - 1][byte];
      slices[slice][byte] = slices[0][crc & 0xff] ^ (crc >> 8);
    }
  build_carry(over_long, LONG_RUN);
  build_carry(over_short, SHORT_RUN);
  fold_lower = power_of_x(8 * FOLDED + 32);
  fold_upper = power_of_x(8 * FOLDED - 32);
#if defined(__x86_64__)
  __builtin_cpu_init();
  has_instruction = __builtin_cpu_supports("sse4.2");
  has_folding = has_instruction && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
#elif defined(__aarch64__) && defined(__linux__)
  has_instruction = (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
  has_instruction = 1;
#endif
}

static uint64_t load64(const unsigned char *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

uint32_t aviary_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
  pthread_once(&built, build);
  const unsigned char *p = bytes;
  crc = ~crc;
  while (count >= 8) {
    uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
    crc = slices[7][low & 0xff] ^ slices[6][(low >> 8) & 0xff] ^ slices[5][(low >> 16) & 0xff] ^
          slices[4][low >> 24] ^ slices[3][p[4]] ^ slices[2][p[5]] ^ slices[1][p[6]] ^ slices[0][p[7]];
    p += 8;
    count -= 8;
  }
  for (; count; count--) crc = slices[0][(crc ^ *p++) & 0xff] ^ (crc >> 8);
  return ~crc;
}

#ifdef AVIARY_CRC_HARDWARE
static uint32_t carry(const uint32_t table[4][256], uint32_t crc) {
  return table[0][crc & 0xff] ^ table[1][(crc >> 8) & 0xff] ^ table[2][(crc >> 16) & 0xff] ^ table[3][crc >> 24];
}

AVIARY_CRC_HARDWARE static uint32_t three_streams(
    uint32_t crc, const unsigned char *p, size_t run, const uint32_t table[4][256]) {
  uint32_t second = 0, third = 0;
  for (const unsigned char *end = p + run; p < end; p += 8) {
    crc = CRC_WORD(crc, load64(p));
    second = CRC_WORD(second, load64(p + run));
    third = CRC_WORD(third, load64(p + 2 * run));
  }
  return carry(table, carry(table, crc) ^ second) ^ third;
}

AVIARY_CRC_HARDWARE static uint32_t by_instruction(uint32_t crc, const unsigned char *p, size_t count) {
  crc = ~crc;
  for (; count >= 3 * LONG_RUN; p += 3 * LONG_RUN, count -= 3 * LONG_RUN)
    crc = three_streams(crc, p, LONG_RUN, over_long);
  for (; count >= 3 * SHORT_RUN; p += 3 * SHORT_RUN, count -= 3 * SHORT_RUN)
    crc = three_streams(crc, p, SHORT_RUN, over_short);
  for (; count >= 8; p += 8, count -= 8) crc = CRC_WORD(crc, load64(p));
  for (; count; count--) crc = CRC_BYTE(crc, *p++);
  return ~crc;
}
#endif

#ifdef AVIARY_CRC_FOLDING
AVIARY_CRC_FOLDING static __m512i fold(__m512i kept, __m512i powers, const unsigned char *next) {
  __m512i lower = _mm512_clmulepi64_epi128(kept, powers, 0x00), upper = _mm512_clmulepi64_epi128(kept, powers, 0x11);
  return _mm512_ternarylogic_epi64(lower, upper, _mm512_loadu_si512(next), 0x96);  // all three, exclusively or
}

AVIARY_CRC_FOLDING static uint32_t by_folding(uint32_t crc, const unsigned char *p, size_t count) {
  if (count < 2 * FOLDED) return by_instruction(crc, p, count);
  const __m512i powers = _mm512_broadcast_i32x4(_mm_set_epi64x((long long)fold_upper, (long long)fold_lower));
  __m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 64), c = _mm512_loadu_si512(p + 128),
          d = _mm512_loadu_si512(p + 192);
  a = _mm512_xor_si512(a, _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)~crc)));
  for (p += FOLDED, count -= FOLDED; count >= FOLDED; p += FOLDED, count -= FOLDED) {
    a = fold(a, powers, p);
    b = fold(b, powers, p + 64);
    c = fold(c, powers, p + 128);
    d = fold(d, powers, p + 192);
  }
  unsigned char kept[FOLDED];
  _mm512_storeu_si512(kept, a);
  _mm512_storeu_si512(kept + 64, b);
  _mm512_storeu_si512(kept + 128, c);
  _mm512_storeu_si512(kept + 192, d);
  // The beginning of the checksum is part of what is kept: on from zero, which by_instruction wants complemented.
  return by_instruction(by_instruction(~0u, kept, FOLDED), p, count);
}
#endif

uint32_t aviary_crc32c_narrow(uint32_t crc, const void *bytes, size_t count) {
  pthread_once(&built, build);
#ifdef AVIARY_CRC_HARDWARE
  if (has_instruction) return by_instruction(crc, bytes, count);
#endif
  return aviary_crc32c_portable(crc, bytes, count);
}

uint32_t aviary_crc32c(uint32_t crc, const void *bytes, size_t count) {
  pthread_once(&built, build);
#ifdef AVIARY_CRC_FOLDING
  if (has_folding) return by_folding(crc, bytes, count);
#endif
  return aviary_crc32c_narrow(crc, bytes, count);
}
