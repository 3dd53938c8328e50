#include "random.h"

#include "multiversion.h"
#include "parallel.h"

#include <math.h>
#include <string.h>

#define GRAIN 8192

// Sixteen counters at a time; each gives four words.
#define WIDTH 16
#define CHUNK (4 * WIDTH)
#define LANES 8

/// Numbers of 32 bits, each in the lower half of a lane: a product of two fills the lane.
typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));
typedef uint32_t narrow_lanes __attribute__((vector_size(4 * LANES)));
typedef float float_lanes __attribute__((vector_size(4 * LANES)));

/// The four words of each counter; whatever stands in the upper halves of the lanes is of no account.
///
/// Products take the lower half alone, and exclusive ors keep the halves apart. (Lanes are handed over in memory, which
/// inlining does away with: by value they would belong to one instruction set's calling convention.)
static inline __attribute__((always_inline)) void philox(
    const lanes *counter, uint64_t key, uint64_t step, lanes words[4]) {
  const uint64_t low = 0xffffffffu;
  lanes c0 = *counter & low, c1 = *counter >> 32, c2 = (lanes){0} + (step & low), c3 = (lanes){0} + (step >> 32);
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
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/// The words of counters first ..< first + WIDTH, counter by counter.
static inline __attribute__((always_inline)) void philox_chunk(
    uint64_t first, uint64_t key, uint64_t step, uint32_t words[CHUNK]) {
  const uint64_t low = 0xffffffffu;
  const lanes steps = {0, 1, 2, 3, 4, 5, 6, 7};
  for (int half = 0; half < WIDTH / LANES; half++) {
    const lanes counter = first + (uint64_t)(half * LANES) + steps;
    lanes w[4];
    philox(&counter, key, step, w);
    // Two words a lane, then the lanes of both pairs in turn.
    const lanes front = (w[0] & low) | w[1] << 32, back = (w[2] & low) | w[3] << 32;
    const lanes turns[2] = {
        __builtin_shufflevector(front, back, 0, 8, 1, 9, 2, 10, 3, 11),
        __builtin_shufflevector(front, back, 4, 12, 5, 13, 6, 14, 7, 15)};
    memcpy(words + 4 * LANES * half, turns, sizeof turns);
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

/// The least word of those that keep an element: `unit(word) >= rate`, asked of whole numbers.
static uint32_t least_kept(float rate) { return (uint32_t)ceilf(rate * 0x1p24f) << 8; }

/// y = x · keep where the word is at least `least`, else x · 0, which is NaN where x is not finite. The factor is masked bit by
/// bit: an element that is loaded only where it is kept takes several times as long.
static inline __attribute__((always_inline)) void drop_lanes(
    const float *x, float *y, const narrow_lanes *words, uint32_t least, float keep) {
  float_lanes values;
  memcpy(&values, x, sizeof values);
  const float_lanes kept = (float_lanes){0} + keep;
  values *= (float_lanes)((narrow_lanes)kept & (narrow_lanes)(*words >= least));
  memcpy(y, &values, sizeof values);
}

AVIARY_MULTIVERSION static void dropout_range(void *context, size_t start, size_t end) {
  const request *r = context;
  uint32_t words[CHUNK];
  const uint32_t least = least_kept(r->a);
  const float keep = 1 / (1 - r->a);
  for (size_t chunk = start; chunk < end; chunk++) {
    philox_chunk(chunk * WIDTH, r->key, r->step, words);
    const size_t from = chunk * CHUNK, n = smaller(CHUNK, r->count - from);
    const float *x = r->x + from;
    float *y = r->y + from;
    if (n == CHUNK) {
      for (size_t i = 0; i < CHUNK; i += LANES) {
        narrow_lanes some;
        memcpy(&some, words + i, sizeof some);
        drop_lanes(x + i, y + i, &some, least, keep);
      }
    } else {
      for (size_t i = 0; i < n; i++) y[i] = x[i] * (words[i] >= least ? keep : 0);
    }
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

void ak_dropout_from(
    uint64_t first, const float *x, float *y, float rate, uint64_t key, uint64_t step, size_t count) {
  uint32_t words[CHUNK];
  const uint32_t least = least_kept(rate);
  const float keep = 1 / (1 - rate);
  size_t at = 0, skipped = first % 4;
  for (uint64_t counter = first / 4; at < count; counter += WIDTH) {
    philox_chunk(counter, key, step, words);
    for (size_t i = skipped; i < CHUNK && at < count; i++, at++) y[at] = x[at] * (words[i] >= least ? keep : 0);
    skipped = 0;
  }
}

/// Channel blocks: [N, C / block, positions, block].
typedef struct blocks {
  const float *x;
  float *y;
  float rate;
  uint64_t key, step;
  size_t channels, positions, block;
  size_t groups, count; // of an image, and of all
} blocks;

/// Where the words of LANES channels begin: the counter, and how many of its words belong to the channel before. A word
/// is chosen by masks, one for each such number.
typedef struct beginnings {
  lanes counter;
  lanes masks[4];
} beginnings;

static inline __attribute__((always_inline)) void choose(const lanes *words, const beginnings *b, lanes *chosen) {
  *chosen = (words[0] & b->masks[0]) | (words[1] & b->masks[1]) | (words[2] & b->masks[2]) | (words[3] & b->masks[3]);
}

// Element i of the row-major tensor takes word i, wherever it lies in memory: the layout does not show in what falls.
// The channels of a block are the lanes, so that a counter of each gives them four positions.
//
// `parts` and `whole` are known where this is inlined, so that the words stay in registers.
static inline __attribute__((always_inline)) void dropout_units(
    const blocks *r, size_t start, size_t end, const size_t parts, const int whole) {
  const uint32_t least = least_kept(r->rate);
  const float keep = 1 / (1 - r->rate);
  const size_t positions = r->positions, block = parts * LANES;
  const lanes steps = {0, 1, 2, 3, 4, 5, 6, 7};
  for (size_t unit = start; unit < end; unit++) {
    const size_t image = unit / r->groups, channel = unit % r->groups * block;
    const float *x = r->x + unit * positions * block;
    float *y = r->y + unit * positions * block;
    beginnings begin[2];
    lanes words[2][8];
    for (size_t part = 0; part < parts; part++) {
      const lanes first = (image * r->channels + channel + part * LANES + steps) * positions;
      begin[part].counter = first >> 2;
      for (uint64_t k = 0; k < 4; k++) begin[part].masks[k] = (lanes)((first & 3) == k);
      if (!whole) philox(&begin[part].counter, r->key, r->step, words[part] + 4);
    }
    for (size_t position = 0; position < positions; position += 4) {
      for (size_t part = 0; part < parts; part++) {
        lanes *w = words[part];
        lanes counter = begin[part].counter + position / 4;
        if (whole) {
          philox(&counter, r->key, r->step, w);
        } else {
          // The words of one channel come from two counters.
          for (int j = 0; j < 4; j++) w[j] = w[4 + j];
          counter += 1;
          philox(&counter, r->key, r->step, w + 4);
        }
      }
      for (size_t j = 0; j < 4 && (whole || position + j < positions); j++)
        for (size_t part = 0; part < parts; part++) {
          lanes word = words[part][j];
          if (!whole) choose(words[part] + j, &begin[part], &word);
          const size_t at = (position + j) * block + part * LANES;
          const narrow_lanes narrow = __builtin_convertvector(word, narrow_lanes);
          drop_lanes(x + at, y + at, &narrow, least, keep);
        }
    }
  }
}

AVIARY_MULTIVERSION static void dropout_blocks(const blocks *r, size_t start, size_t end) {
  const int whole = r->positions % 4 == 0;
  if (r->block == 16 && whole) dropout_units(r, start, end, 2, 1);
  else if (r->block == 16) dropout_units(r, start, end, 2, 0);
  else if (whole) dropout_units(r, start, end, 1, 1);
  else dropout_units(r, start, end, 1, 0);
}

static void dropout_part(void *context, int thread, int threads) {
  const blocks *r = context;
  dropout_blocks(r, r->count * (size_t)thread / (size_t)threads, r->count * (size_t)(thread + 1) / (size_t)threads);
}

void ak_dropout_blocked(
    const float *x, float *y, float rate, uint64_t key, uint64_t step, size_t images, size_t channels,
    size_t positions, size_t block) {
  const size_t groups = (channels + block - 1) / block;
  blocks r = {
      .x = x, .y = y, .rate = rate, .key = key, .step = step, .channels = channels, .positions = positions,
      .block = block, .groups = groups, .count = images * groups};
  if (r.count * positions * block < GRAIN) dropout_blocks(&r, 0, r.count);
  else ak_parallel(dropout_part, &r);
}
