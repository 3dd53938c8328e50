#include "sparse.h"

#include "elementwise.h"
#include "multiversion.h"
#include "parallel.h"

#include <string.h>

// Below this many multiplications a second thread costs more than it saves.
#define GRAIN 32768

typedef struct product {
  ak_csr a;
  const float *x;
  float *y;
  size_t width;
} product;

/// One row of the product, `count` ≤ `lanes` columns of it; `lanes` is a constant, so that the sums stay in registers.
static inline __attribute__((always_inline)) void row_piece(
    const ak_csr *a, ptrdiff_t start, ptrdiff_t end, const float *x, float *y, size_t width, size_t lanes,
    size_t count) {
  float sums[64] = {0};
  if (count == lanes) {
    for (ptrdiff_t k = start; k < end; k++) {
      const float *from = x + (size_t)a->columns[k] * width;
      const float value = a->values[k];
      for (size_t j = 0; j < lanes; j++) sums[j] += value * from[j];
    }
  } else {
    for (ptrdiff_t k = start; k < end; k++) {
      const float *from = x + (size_t)a->columns[k] * width;
      const float value = a->values[k];
      for (size_t j = 0; j < count; j++) sums[j] += value * from[j];
    }
  }
  memcpy(y, sums, count * sizeof(float));
}

AVIARY_MULTIVERSION static void multiply_rows(const product *p, size_t first, size_t last) {
  for (size_t r = first; r < last; r++) {
    const ptrdiff_t start = p->a.offsets[r], end = p->a.offsets[r + 1];
    float *y = p->y + r * p->width;
    size_t j = 0;
    for (; j + 64 <= p->width; j += 64) row_piece(&p->a, start, end, p->x + j, y + j, p->width, 64, 64);
    for (; j + 16 <= p->width; j += 16) row_piece(&p->a, start, end, p->x + j, y + j, p->width, 16, 16);
    if (j < p->width) row_piece(&p->a, start, end, p->x + j, y + j, p->width, 16, p->width - j);
  }
}

/// The first row before which `part` of `parts` of the work lies. The cost of a row is the number of its elements plus one.
static size_t boundary(const ak_csr *a, int part, int parts) {
  const size_t total = (size_t)a->offsets[a->rows] + a->rows;
  const size_t wanted = total / (size_t)parts * (size_t)part + total % (size_t)parts * (size_t)part / (size_t)parts;
  size_t low = 0, high = a->rows;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if ((size_t)a->offsets[middle] + middle < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

static void multiply_part(void *context, int thread, int threads) {
  const product *p = context;
  const size_t first = boundary(&p->a, thread, threads);
  const size_t last = thread + 1 == threads ? p->a.rows : boundary(&p->a, thread + 1, threads);
  multiply_rows(p, first, last);
}

void ak_csr_multiply(ak_csr a, const float *x, float *y, size_t width) {
  if (a.rows == 0 || width == 0) return;
  product p = {a, x, y, width};
  const size_t elements = (size_t)a.offsets[a.rows] + a.rows;
  if (elements <= GRAIN / (width < GRAIN ? width : GRAIN)) multiply_rows(&p, 0, a.rows);
  else ak_parallel(multiply_part, &p);
}

void ak_permute(const float *x, const int32_t *order, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = x[order[i]];
}

void ak_group_max(
    const float *x, const int32_t *groups, float *y, int32_t *winners, size_t rows, size_t width, size_t group_count) {
  for (size_t i = 0; i < group_count * width; i++) winners[i] = -1;
  ak_fill(y, 0, group_count * width);
  for (size_t r = 0; r < rows; r++) {
    const size_t at = (size_t)groups[r] * width;
    for (size_t j = 0; j < width; j++) {
      const float value = x[r * width + j];
      // What is not a number wins, and stays.
      if (winners[at + j] < 0 || value > y[at + j] || (value != value && y[at + j] == y[at + j])) {
        winners[at + j] = (int32_t)r;
        y[at + j] = value;
      }
    }
  }
}

void ak_group_max_backward(
    const float *dy, const int32_t *winners, float *dx, size_t rows, size_t width, size_t group_count) {
  ak_fill(dx, 0, rows * width);
  for (size_t g = 0; g < group_count; g++)
    for (size_t j = 0; j < width; j++) {
      const int32_t row = winners[g * width + j];
      if (row >= 0) dx[(size_t)row * width + j] = dy[g * width + j];
    }
}
