#include "embedding.h"

#include "multiversion.h"
#include "parallel.h"

#include <string.h>

// Below this many columns a second thread costs more than it saves.
#define GRAIN 64

// Fewer elements than this are copied faster than a second thread begins.
#define COPIED_ALONE 16384

typedef struct {
  const float *table;
  const int32_t *indices;
  float *y;
  size_t width;
} copy;

static void rows(void *context, size_t start, size_t end) {
  const copy *c = context;
  for (size_t i = start; i < end; i++)
    memcpy(c->y + i * c->width, c->table + (size_t)c->indices[i] * c->width, c->width * sizeof(float));
}

void ak_embed(const float *table, const int32_t *indices, float *y, size_t count, size_t width) {
  ak_parallel_ranges(count, COPIED_ALONE / (width ? width : 1) + 1, rows, &(copy){table, indices, y, width});
}

typedef struct {
  const float *dy;
  const int32_t *indices;
  float *table;
  size_t count, width;
} work;

AVIARY_MULTIVERSION static void add_part(const float *restrict x, float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += x[i];
}

// Threads share the columns: each element's sum has the same order for any number of them.
static void columns(void *context, size_t start, size_t end) {
  const work *w = context;
  for (size_t i = 0; i < w->count; i++)
    add_part(w->dy + i * w->width + start, w->table + (size_t)w->indices[i] * w->width + start, end - start);
}

void ak_embed_backward(const float *dy, const int32_t *indices, float *table, size_t count, size_t width) {
  ak_parallel_ranges(width, GRAIN, columns, &(work){dy, indices, table, count, width});
}
