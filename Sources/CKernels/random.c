#include "random.h"

#include "multiversion.h"
#include "parallel.h"

#include <math.h>

#define GRAIN 8192

// Sixteen counters at a time, so that the rounds vectorise; each gives four words.
#define WIDTH 16
#define CHUNK (4 * WIDTH)

/// The words of counters first ..< first + WIDTH, counter by counter.
static inline __attribute__((always_inline)) void philox_chunk(
    uint64_t first, uint64_t key, uint64_t step, uint32_t words[CHUNK]) {
  uint32_t c0[WIDTH], c1[WIDTH], c2[WIDTH], c3[WIDTH];
  for (int i = 0; i < WIDTH; i++) {
    c0[i] = (uint32_t)(first + (uint64_t)i);
    c1[i] = (uint32_t)((first + (uint64_t)i) >> 32);
    c2[i] = (uint32_t)step;
    c3[i] = (uint32_t)(step >> 32);
  }
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < WIDTH; i++) {
      uint64_t a = (uint64_t)c0[i] * 0xd2511f53u, b = (uint64_t)c2[i] * 0xcd9e8d57u;
      uint32_t n0 = (uint32_t)(b >> 32) ^ c1[i] ^ k0, n2 = (uint32_t)(a >> 32) ^ c3[i] ^ k1;
      c1[i] = (uint32_t)b;
      c3[i] = (uint32_t)a;
      c0[i] = n0;
      c2[i] = n2;
    }
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  for (int i = 0; i < WIDTH; i++) {
    words[4 * i] = c0[i];
    words[4 * i + 1] = c1[i];
    words[4 * i + 2] = c2[i];
    words[4 * i + 3] = c3[i];
  }
}

typedef struct request {
  const float *x;
  float *y;
  float a, b;
  uint64_t key, step;
  size_t count;
} request;

static inline float unit(uint32_t word) { return (float)(word >> 8) * 0x1p-24f; }

static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// The ranges are counted in chunks, so that every piece begins with a fresh counter.
AVIARY_MULTIVERSION static void uniform_range(void *context, size_t start, size_t end) {
  const request *r = context;
  uint32_t words[CHUNK];
  for (size_t chunk = start; chunk < end; chunk++) {
    philox_chunk(chunk * WIDTH, r->key, r->step, words);
    size_t from = chunk * CHUNK, n = smaller(CHUNK, r->count - from);
    for (size_t i = 0; i < n; i++) r->y[from + i] = r->a + (r->b - r->a) * unit(words[i]);
  }
}

AVIARY_MULTIVERSION static void normal_range(void *context, size_t start, size_t end) {
  const request *r = context;
  uint32_t words[CHUNK];
  float values[CHUNK];
  for (size_t chunk = start; chunk < end; chunk++) {
    philox_chunk(chunk * WIDTH, r->key, r->step, words);
    for (int i = 0; i < CHUNK; i += 2) {
      // 1 − u is in (0, 1], so that the logarithm is finite.
      float radius = sqrtf(-2 * logf(1 - unit(words[i]))), angle = 6.2831853071795865f * unit(words[i + 1]);
      values[i] = r->a + r->b * radius * cosf(angle);
      values[i + 1] = r->a + r->b * radius * sinf(angle);
    }
    size_t from = chunk * CHUNK, n = smaller(CHUNK, r->count - from);
    for (size_t i = 0; i < n; i++) r->y[from + i] = values[i];
  }
}

AVIARY_MULTIVERSION static void dropout_range(void *context, size_t start, size_t end) {
  const request *r = context;
  uint32_t words[CHUNK];
  float keep = 1 / (1 - r->a);
  for (size_t chunk = start; chunk < end; chunk++) {
    philox_chunk(chunk * WIDTH, r->key, r->step, words);
    size_t from = chunk * CHUNK, n = smaller(CHUNK, r->count - from);
    for (size_t i = 0; i < n; i++) r->y[from + i] = unit(words[i]) >= r->a ? r->x[from + i] * keep : 0;
  }
}

static void run(void (*range)(void *, size_t, size_t), request r) {
  ak_parallel_ranges((r.count + CHUNK - 1) / CHUNK, GRAIN / CHUNK, range, &r);
}

void ak_random_uniform(float *y, float lower, float upper, uint64_t key, uint64_t step, size_t count) {
  run(uniform_range, (request){.y = y, .a = lower, .b = upper, .key = key, .step = step, .count = count});
}

void ak_random_normal(float *y, float mean, float deviation, uint64_t key, uint64_t step, size_t count) {
  run(normal_range, (request){.y = y, .a = mean, .b = deviation, .key = key, .step = step, .count = count});
}

void ak_dropout(const float *x, float *y, float rate, uint64_t key, uint64_t step, size_t count) {
  run(dropout_range, (request){.x = x, .y = y, .a = rate, .key = key, .step = step, .count = count});
}
