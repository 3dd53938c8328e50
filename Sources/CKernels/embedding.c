#include "embedding.h"

#include "multiversion.h"
#include "parallel.h"

#include <string.h>

// Below this many columns a second thread costs more than it saves.
#define GRAIN 64

void ak_embed(const float *table, const int32_t *indices, float *y, size_t count, size_t width) {
  for (size_t i = 0; i < count; i++) memcpy(y + i * width, table + (size_t)indices[i] * width, width * sizeof(float));
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
