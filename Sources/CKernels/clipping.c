#include "clipping.h"

#include "multiversion.h"
#include "parallel.h"

/// Below this many elements waking the team costs more than it saves.
static const size_t grain = 1 << 14;

typedef struct {
  const float *x;
  float *y;
  float scalar;
} work;

AVIARY_MULTIVERSION
static void clip_range(const float *restrict x, float limit, float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float upper = x[i] > limit ? limit : x[i];
    y[i] = upper < -limit ? -limit : upper;
  }
}

static void clip_body(void *context, size_t start, size_t end) {
  const work *w = context;
  clip_range(w->x + start, w->scalar, w->y + start, end - start);
}

void ak_clip(const float *x, float limit, float *y, size_t count) {
  work w = {x, y, limit};
  ak_parallel_ranges(count, grain, clip_body, &w);
}

AVIARY_MULTIVERSION
static void average_range(float *restrict average, const float *restrict x, float share, size_t count) {
  for (size_t i = 0; i < count; i++) average[i] += (x[i] - average[i]) * share;
}

static void average_body(void *context, size_t start, size_t end) {
  const work *w = context;
  average_range(w->y + start, w->x + start, w->scalar, end - start);
}

void ak_average(float *average, const float *x, float share, size_t count) {
  work w = {x, average, share};
  ak_parallel_ranges(count, grain, average_body, &w);
}
