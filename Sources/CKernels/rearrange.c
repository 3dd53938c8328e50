#include "rearrange.h"

#include "elementwise.h"

#include <string.h>

void ak_gather(const float *x, const int64_t *x_strides, float *y, const int64_t *dimensions, int rank) {
  if (rank == 0) {
    y[0] = x[0];
    return;
  }
  int64_t index[AK_MAX_RANK] = {0};
  int64_t inner = dimensions[rank - 1], step = x_strides[rank - 1];
  for (;;) {
    int64_t at = 0;
    for (int d = 0; d < rank - 1; d++) at += index[d] * x_strides[d];
    if (step == 1) memcpy(y, x + at, (size_t)inner * sizeof(float));
    else
      for (int64_t i = 0; i < inner; i++) y[i] = x[at + i * step];
    y += inner;
    int d = rank - 2;
    while (d >= 0 && ++index[d] == dimensions[d]) index[d--] = 0;
    if (d < 0) return;
  }
}

static int64_t window_start(int64_t i, int64_t size, int64_t n) { return i * size / n; }
static int64_t window_end(int64_t i, int64_t size, int64_t n) { return ((i + 1) * size + n - 1) / n; }

/// The position of the first largest element of a window.
static int64_t winner(const float *x, int64_t columns, int64_t r0, int64_t r1, int64_t c0, int64_t c1) {
  int64_t best = r0 * columns + c0;
  for (int64_t r = r0; r < r1; r++)
    for (int64_t c = c0; c < c1; c++)
      if (x[r * columns + c] > x[best]) best = r * columns + c;
  return best;
}

void ak_adaptive_pool(
    const float *x, float *y, int64_t planes, int64_t rows, int64_t columns, int64_t out_rows, int64_t out_columns,
    bool maximum) {
  for (int64_t p = 0; p < planes; p++, x += rows * columns)
    for (int64_t i = 0; i < out_rows; i++)
      for (int64_t j = 0; j < out_columns; j++) {
        int64_t r0 = window_start(i, rows, out_rows), r1 = window_end(i, rows, out_rows);
        int64_t c0 = window_start(j, columns, out_columns), c1 = window_end(j, columns, out_columns);
        if (maximum) {
          *y++ = x[winner(x, columns, r0, r1, c0, c1)];
        } else {
          double sum = 0;
          for (int64_t r = r0; r < r1; r++)
            for (int64_t c = c0; c < c1; c++) sum += x[r * columns + c];
          *y++ = (float)(sum / (double)((r1 - r0) * (c1 - c0)));
        }
      }
}

void ak_adaptive_pool_backward(
    const float *dy, const float *x, float *dx, int64_t planes, int64_t rows, int64_t columns, int64_t out_rows,
    int64_t out_columns, bool maximum) {
  memset(dx, 0, (size_t)(planes * rows * columns) * sizeof(float));
  for (int64_t p = 0; p < planes; p++, x += rows * columns, dx += rows * columns)
    for (int64_t i = 0; i < out_rows; i++)
      for (int64_t j = 0; j < out_columns; j++) {
        int64_t r0 = window_start(i, rows, out_rows), r1 = window_end(i, rows, out_rows);
        int64_t c0 = window_start(j, columns, out_columns), c1 = window_end(j, columns, out_columns);
        float gradient = *dy++;
        if (maximum) {
          dx[winner(x, columns, r0, r1, c0, c1)] += gradient;
        } else {
          float share = gradient / (float)((r1 - r0) * (c1 - c0));
          for (int64_t r = r0; r < r1; r++)
            for (int64_t c = c0; c < c1; c++) dx[r * columns + c] += share;
        }
      }
}
