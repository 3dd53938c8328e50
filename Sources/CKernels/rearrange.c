#include "rearrange.h"

#include "elementwise.h"
#include "multiversion.h"
#include "parallel.h"

#include <string.h>

/// A walk over the rows of a row-major array, beside an array with strides of its own.
typedef struct walk {
  float *packed, *strided;
  const int64_t *strides, *dimensions;
  int rank;
} walk;

/// As many elements as are worth a thread.
enum { grain = 16384 };

typedef void row_mover(float *packed, float *strided, int64_t count, int64_t step);

/// Moves the rows start..<end, in the order of the row-major array.
static void move_rows(const walk *w, size_t start, size_t end, row_mover *move) {
  const int outer = w->rank - 1;
  const int64_t inner = w->dimensions[outer], step = w->strides[outer];
  int64_t index[AK_MAX_RANK] = {0}, at = 0;
  size_t rest = start;
  for (int d = outer - 1; d >= 0; d--) {
    index[d] = (int64_t)(rest % (size_t)w->dimensions[d]);
    rest /= (size_t)w->dimensions[d];
    at += index[d] * w->strides[d];
  }
  float *packed = w->packed + (int64_t)start * inner;
  for (size_t row = start; row < end; row++, packed += inner) {
    move(packed, w->strided + at, inner, step);
    for (int d = outer - 1; d >= 0; d--) {
      at += w->strides[d];
      if (++index[d] < w->dimensions[d]) break;
      at -= index[d] * w->strides[d];
      index[d] = 0;
    }
  }
}

static void read_row(float *packed, float *strided, int64_t count, int64_t step) {
  if (step == 1) memcpy(packed, strided, (size_t)count * sizeof(float));
  else
    for (int64_t i = 0; i < count; i++) packed[i] = strided[i * step];
}

static void write_row(float *packed, float *strided, int64_t count, int64_t step) {
  if (step == 1) memcpy(strided, packed, (size_t)count * sizeof(float));
  else
    for (int64_t i = 0; i < count; i++) strided[i * step] = packed[i];
}

AVIARY_MULTIVERSION static void add_run(const float *x, float *y, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] += x[i];
}

static void add_row(float *packed, float *strided, int64_t count, int64_t step) {
  if (step == 1) add_run(packed, strided, count);
  else
    for (int64_t i = 0; i < count; i++) strided[i * step] += packed[i];
}

static void read_rows(void *context, size_t start, size_t end) { move_rows(context, start, end, read_row); }
static void write_rows(void *context, size_t start, size_t end) { move_rows(context, start, end, write_row); }
static void add_rows(void *context, size_t start, size_t end) { move_rows(context, start, end, add_row); }

static void move_all(walk w, void (*body)(void *context, size_t start, size_t end)) {
  size_t rows = 1;
  for (int d = 0; d < w.rank - 1; d++) rows *= (size_t)w.dimensions[d];
  const size_t inner = (size_t)w.dimensions[w.rank - 1];
  ak_parallel_ranges(rows, inner < grain ? grain / (inner ? inner : 1) : 1, body, &w);
}

void ak_gather(const float *x, const int64_t *x_strides, float *y, const int64_t *dimensions, int rank) {
  if (rank == 0) y[0] = x[0];
  else move_all((walk){y, (float *)x, x_strides, dimensions, rank}, read_rows);
}

void ak_scatter(const float *y, float *x, const int64_t *x_strides, const int64_t *dimensions, int rank) {
  if (rank == 0) x[0] = y[0];
  else move_all((walk){(float *)y, x, x_strides, dimensions, rank}, write_rows);
}

void ak_scatter_add(const float *y, float *x, const int64_t *x_strides, const int64_t *dimensions, int rank) {
  if (rank == 0) x[0] += y[0];
  else move_all((walk){(float *)y, x, x_strides, dimensions, rank}, add_rows);
}

typedef struct copying {
  const float *x;
  float *y;
  size_t columns, x_step, y_step;
} copying;

/// Copies the floats start..<end of all rows.
static void copy_range(void *context, size_t start, size_t end) {
  const copying *c = context;
  while (start < end) {
    const size_t row = start / c->columns, column = start % c->columns;
    const size_t rest = c->columns - column, count = end - start < rest ? end - start : rest;
    memcpy(c->y + row * c->y_step + column, c->x + row * c->x_step + column, count * sizeof(float));
    start += count;
  }
}

void ak_copy_rows(const float *x, size_t x_step, float *y, size_t y_step, size_t rows, size_t columns) {
  copying c = {.x = x, .y = y, .columns = columns, .x_step = x_step, .y_step = y_step};
  ak_parallel_ranges(rows * columns, grain, copy_range, &c);
}

typedef struct padding {
  const float *x;
  float *y, *sums;
  size_t rows, columns, width;
} padding;

/// Copies the columns start..<end of all rows, where there is a copy, and adds them up: sixty-four rows at a time, so that rounding
/// does not grow with their number.
AVIARY_MULTIVERSION static void pad_columns(const padding *p, size_t start, size_t end) {
  enum { columns = 512, few = 64 };
  float part[columns];
  for (size_t first = start; first < end; first += columns) {
    const size_t count = end - first < columns ? end - first : columns;
    if (p->sums) memset(p->sums + first, 0, count * sizeof(float));
    for (size_t row = 0; row < p->rows; row += few) {
      const size_t last = p->rows - row < few ? p->rows : row + few;
      memset(part, 0, sizeof(part));
      for (size_t r = row; r < last; r++) {
        const float *x = p->x + r * p->columns + first;
        for (size_t c = 0; c < count; c++) part[c] += x[c];
        if (p->y) memcpy(p->y + r * p->width + first, x, count * sizeof(float));
      }
      if (p->sums)
        for (size_t c = 0; c < count; c++) p->sums[first + c] += part[c];
    }
  }
}

static void pad_range(void *context, size_t start, size_t end) { pad_columns(context, start, end); }

void ak_pad_rows(const float *x, size_t rows, size_t columns, float *y, size_t width, float *sums) {
  padding p = {.x = x, .y = y, .sums = sums, .rows = rows, .columns = columns, .width = width};
  for (size_t r = 0; r < rows; r++) memset(y + r * width + columns, 0, (width - columns) * sizeof(float));
  ak_parallel_ranges(columns, 1 + grain / (rows ? rows : 1), pad_range, &p);
}

void ak_sum_columns(const float *x, size_t rows, size_t columns, float *sums) {
  padding p = {.x = x, .y = NULL, .sums = sums, .rows = rows, .columns = columns, .width = columns};
  ak_parallel_ranges(columns, 1 + grain / (rows ? rows : 1), pad_range, &p);
}
