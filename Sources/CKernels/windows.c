#include "windows.h"

#include "multiversion.h"
#include "parallel.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/// A piece of work has this many elements at least.
#define GRAIN 16384

typedef struct pooling {
  ak_pool_kind kind;
  const float *x;
  /// The result of the forward pass, or the gradient of it.
  float *y;
  const float *dy;
  float *dx;
  const int64_t *sizes, *counts;
  /// The tables of the three axes.
  const int32_t *starts[3], *ends[3];
} pooling;

/// The part of a plane that one cell covers.
typedef struct window {
  int64_t from[3], to[3];
} window;

static inline window window_of(const pooling *p, int64_t i, int64_t j, int64_t k) {
  return (window){
      {p->starts[0][i], p->starts[1][j], p->starts[2][k]}, {p->ends[0][i], p->ends[1][j], p->ends[2][k]}};
}

static inline int64_t volume(const int64_t sizes[3]) { return sizes[0] * sizes[1] * sizes[2]; }

/// The position of the first winner of a window.
static inline int64_t winner(const pooling *p, const float *x, window w) {
  bool maximum = p->kind == AK_POOL_MAX;
  int64_t best = (w.from[0] * p->sizes[1] + w.from[1]) * p->sizes[2] + w.from[2];
  for (int64_t a = w.from[0]; a < w.to[0]; a++)
    for (int64_t b = w.from[1]; b < w.to[1]; b++) {
      int64_t row = (a * p->sizes[1] + b) * p->sizes[2];
      for (int64_t at = row + w.from[2]; at < row + w.to[2]; at++)
        if ((maximum ? x[at] > x[best] : x[at] < x[best]) || x[at] != x[at]) {
          best = at;
          if (x[at] != x[at]) return at;
        }
    }
  return best;
}

static inline double cells(window w) {
  return (double)((w.to[0] - w.from[0]) * (w.to[1] - w.from[1]) * (w.to[2] - w.from[2]));
}

static inline float mean(const pooling *p, const float *x, window w) {
  double sum = 0;
  for (int64_t a = w.from[0]; a < w.to[0]; a++)
    for (int64_t b = w.from[1]; b < w.to[1]; b++) {
      const float *row = x + (a * p->sizes[1] + b) * p->sizes[2];
      for (int64_t c = w.from[2]; c < w.to[2]; c++) sum += row[c];
    }
  return (float)(sum / cells(w));
}

static inline void spread(const pooling *p, float *dx, window w, float gradient) {
  float share = (float)(gradient / cells(w));
  for (int64_t a = w.from[0]; a < w.to[0]; a++)
    for (int64_t b = w.from[1]; b < w.to[1]; b++) {
      float *row = dx + (a * p->sizes[1] + b) * p->sizes[2];
      for (int64_t c = w.from[2]; c < w.to[2]; c++) row[c] += share;
    }
}

AVIARY_MULTIVERSION static void forward_planes(void *context, size_t start, size_t end) {
  const pooling *p = context;
  for (size_t plane = start; plane < end; plane++) {
    const float *x = p->x + (int64_t)plane * volume(p->sizes);
    float *y = p->y + (int64_t)plane * volume(p->counts);
    for (int64_t i = 0; i < p->counts[0]; i++)
      for (int64_t j = 0; j < p->counts[1]; j++)
        for (int64_t k = 0; k < p->counts[2]; k++) {
          window w = window_of(p, i, j, k);
          *y++ = p->kind == AK_POOL_MEAN ? mean(p, x, w) : x[winner(p, x, w)];
        }
  }
}

AVIARY_MULTIVERSION static void backward_planes(void *context, size_t start, size_t end) {
  const pooling *p = context;
  for (size_t plane = start; plane < end; plane++) {
    const float *x = p->x + (int64_t)plane * volume(p->sizes);
    const float *dy = p->dy + (int64_t)plane * volume(p->counts);
    float *dx = p->dx + (int64_t)plane * volume(p->sizes);
    memset(dx, 0, (size_t)volume(p->sizes) * sizeof(float));
    for (int64_t i = 0; i < p->counts[0]; i++)
      for (int64_t j = 0; j < p->counts[1]; j++)
        for (int64_t k = 0; k < p->counts[2]; k++, dy++) {
          window w = window_of(p, i, j, k);
          if (p->kind == AK_POOL_MEAN) spread(p, dx, w, *dy);
          else dx[winner(p, x, w)] += *dy;
        }
  }
}

static void set_tables(pooling *p, const int32_t *starts, const int32_t *ends) {
  for (int axis = 0; axis < 3; axis++) {
    p->starts[axis] = starts;
    p->ends[axis] = ends;
    starts += p->counts[axis];
    ends += p->counts[axis];
  }
}

/// In planes, so that a piece has GRAIN elements or more.
static size_t grain(const int64_t sizes[3]) { return (size_t)(GRAIN / volume(sizes) + 1); }

void ak_window_pool(
    ak_pool_kind kind, const float *x, float *y, int64_t planes, const int64_t sizes[3], const int64_t counts[3],
    const int32_t *starts, const int32_t *ends) {
  pooling p = {.kind = kind, .x = x, .y = y, .sizes = sizes, .counts = counts};
  set_tables(&p, starts, ends);
  ak_parallel_ranges((size_t)planes, grain(sizes), forward_planes, &p);
}

void ak_window_pool_backward(
    ak_pool_kind kind, const float *dy, const float *x, float *dx, int64_t planes, const int64_t sizes[3],
    const int64_t counts[3], const int32_t *starts, const int32_t *ends) {
  pooling p = {.kind = kind, .x = x, .dy = dy, .dx = dx, .sizes = sizes, .counts = counts};
  set_tables(&p, starts, ends);
  ak_parallel_ranges((size_t)planes, grain(sizes), backward_planes, &p);
}
