#include "random.h"

#include "multiversion.h"
#include "parallel.h"

#include <math.h>

#define GRAIN 8192

// Sixteen counters at a time; each gives four words.
#define WIDTH 16
#define CHUNK (4 * WIDTH)
#define LANES 8

/// Numbers of 32 bits, each in the lower half of a lane: a product of two fills the lane.
typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

/// The words of counters first ..< first + WIDTH, counter by counter.
///
/// What stands in the upper half of a lane is left there until the end: products take the lower half alone, and
/// exclusive ors keep the halves apart.
static inline __attribute__((always_inline)) void philox_chunk(
    uint64_t first, uint64_t key, uint64_t step, uint32_t words[CHUNK]) {
  const uint64_t low = 0xffffffffu;
  for (int half = 0; half < WIDTH / LANES; half++) {
    const uint64_t begin = first + (uint64_t)(half * LANES);
    lanes c0, c1, c2, c3;
    for (int i = 0; i < LANES; i++) {
      const uint64_t counter = begin + (uint64_t)i;
      c0[i] = counter & low;
      c1[i] = counter >> 32;
      c2[i] = step & low;
      c3[i] = step >> 32;
    }
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
      const lanes a = (c0 & low) * 0xd2511f53u, b = (c2 & low) * 0xcd9e8d57u;
      c0 = (b >> 32) ^ c1 ^ (uint64_t)k0;
      c2 = (a >> 32) ^ c3 ^ (uint64_t)k1;
      c1 = b;
      c3 = a;
      k0 += 0x9e3779b9u;
      k1 += 0xbb67ae85u;
    }
    for (int i = 0; i < LANES; i++) {
      uint32_t *four = words + 4 * (half * LANES + i);
      four[0] = (uint32_t)c0[i];
      four[1] = (uint32_t)c1[i];
      four[2] = (uint32_t)c2[i];
      four[3] = (uint32_t)c3[i];
    }
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
  const float rate = r->a, keep = 1 / (1 - rate);
  for (size_t chunk = start; chunk < end; chunk++) {
    philox_chunk(chunk * WIDTH, r->key, r->step, words);
    const size_t from = chunk * CHUNK, n = smaller(CHUNK, r->count - from);
    const float *x = r->x + from;
    float *y = r->y + from;
    // A loop of a known length becomes vectors whole.
    if (n == CHUNK)
      for (size_t i = 0; i < CHUNK; i++) y[i] = unit(words[i]) >= rate ? x[i] * keep : 0;
    else
      for (size_t i = 0; i < n; i++) y[i] = unit(words[i]) >= rate ? x[i] * keep : 0;
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
