#include "elementwise.h"

#include "multiversion.h"
#include "parallel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// Below this many elements a second thread costs more than it saves.
#define GRAIN 16384

typedef struct operands {
  const float *a, *b;
  float *y;
  float scale, shift;
} operands;

// An elementwise kernel: its body over a range, compiled for several instruction sets, and its parallel front.
#define ELEMENTWISE(name, expression)                                                                                 \
  AVIARY_MULTIVERSION static void name##_range(void *context, size_t start, size_t end) {                             \
    const operands *o = context;                                                                                      \
    const float *a = o->a, *b = o->b;                                                                                 \
    float *y = o->y;                                                                                                  \
    const float scale = o->scale, shift = o->shift;                                                                   \
    (void)a, (void)b, (void)scale, (void)shift;                                                                       \
    for (size_t i = start; i < end; i++) y[i] = (expression);                                                         \
  }

// Written so that what is not a number stays so.
ELEMENTWISE(relu, a[i] < 0 ? 0 : a[i])
ELEMENTWISE(mask, b[i] <= 0 ? 0 : a[i])
ELEMENTWISE(add, a[i] + b[i])
ELEMENTWISE(add_relu, a[i] + b[i] < 0 ? 0 : a[i] + b[i])
ELEMENTWISE(affine, a[i] * scale + shift)
ELEMENTWISE(fill, shift)

void ak_relu(const float *x, float *y, size_t count) {
  ak_parallel_ranges(count, GRAIN, relu_range, &(operands){.a = x, .y = y});
}

void ak_relu_backward(const float *dy, const float *y, float *dx, size_t count) {
  ak_parallel_ranges(count, GRAIN, mask_range, &(operands){.a = dy, .b = y, .y = dx});
}

void ak_add(const float *a, const float *b, float *y, size_t count) {
  ak_parallel_ranges(count, GRAIN, add_range, &(operands){.a = a, .b = b, .y = y});
}

void ak_add_relu(const float *a, const float *b, float *y, size_t count) {
  ak_parallel_ranges(count, GRAIN, add_relu_range, &(operands){.a = a, .b = b, .y = y});
}

void ak_affine(const float *x, float scale, float shift, float *y, size_t count) {
  ak_parallel_ranges(count, GRAIN, affine_range, &(operands){.a = x, .y = y, .scale = scale, .shift = shift});
}

void ak_fill(float *y, float value, size_t count) {
  ak_parallel_ranges(count, GRAIN, fill_range, &(operands){.y = y, .shift = value});
}

// Running sums in double, enough to hide the latency of addition; the order depends on the count only.
#define LANES 32

AVIARY_MULTIVERSION double ak_sum(const float *x, size_t count) {
  double lanes[LANES] = {0}, total = 0;
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (size_t l = 0; l < LANES; l++) lanes[l] += x[i + l];
  for (; i < count; i++) total += x[i];
  for (size_t l = 0; l < LANES; l++) total += lanes[l];
  return total;
}

AVIARY_MULTIVERSION double ak_sum_of_squares(const float *x, size_t count) {
  double lanes[LANES] = {0}, total = 0;
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (size_t l = 0; l < LANES; l++) lanes[l] += (double)x[i + l] * x[i + l];
  for (; i < count; i++) total += (double)x[i] * x[i];
  for (size_t l = 0; l < LANES; l++) total += lanes[l];
  return total;
}

AVIARY_MULTIVERSION static void broadcast_row(
    ak_binary operation, const float *a, int64_t sa, const float *b, int64_t sb, float *y, int64_t count) {
  switch (operation) {
  case AK_ADD:
    for (int64_t i = 0; i < count; i++) y[i] = a[i * sa] + b[i * sb];
    break;
  case AK_SUBTRACT:
    for (int64_t i = 0; i < count; i++) y[i] = a[i * sa] - b[i * sb];
    break;
  case AK_MULTIPLY:
    for (int64_t i = 0; i < count; i++) y[i] = a[i * sa] * b[i * sb];
    break;
  case AK_DIVIDE:
    for (int64_t i = 0; i < count; i++) y[i] = a[i * sa] / b[i * sb];
    break;
  // What is not a number is larger, and smaller, than all others.
  case AK_MAXIMUM:
    for (int64_t i = 0; i < count; i++) {
      float p = a[i * sa], q = b[i * sb];
      y[i] = p > q || p != p ? p : q;
    }
    break;
  case AK_MINIMUM:
    for (int64_t i = 0; i < count; i++) {
      float p = a[i * sa], q = b[i * sb];
      y[i] = p < q || p != p ? p : q;
    }
    break;
  case AK_EXCEEDS:
    for (int64_t i = 0; i < count; i++) {
      float p = a[i * sa], q = b[i * sb];
      y[i] = p > q ? 1 : p == q ? 0.5f : 0;
    }
    break;
  case AK_RAISE:
    for (int64_t i = 0; i < count; i++) y[i] = powf(a[i * sa], b[i * sb]);
    break;
  case AK_ATAN2:
    for (int64_t i = 0; i < count; i++) y[i] = atan2f(a[i * sa], b[i * sb]);
    break;
  case AK_REMAINDER:
    for (int64_t i = 0; i < count; i++) {
      float q = b[i * sb], r = fmodf(a[i * sa], q);
      y[i] = r != 0 && (r < 0) != (q < 0) ? r + q : r;
    }
    break;
  case AK_LESS:
    for (int64_t i = 0; i < count; i++) y[i] = a[i * sa] < b[i * sb];
    break;
  case AK_LESS_EQUAL:
    for (int64_t i = 0; i < count; i++) y[i] = a[i * sa] <= b[i * sb];
    break;
  case AK_EQUAL:
    for (int64_t i = 0; i < count; i++) y[i] = a[i * sa] == b[i * sb];
    break;
  case AK_KEEP:
    for (int64_t i = 0; i < count; i++) y[i] = b[i * sb] != 0 ? a[i * sa] : 0;
    break;
  }
}

void ak_broadcast(
    ak_binary operation, const float *a, const int64_t *a_strides, const float *b, const int64_t *b_strides, float *y,
    const int64_t *dimensions, int rank) {
  if (rank == 0) {
    broadcast_row(operation, a, 0, b, 0, y, 1);
    return;
  }
  int64_t index[AK_MAX_RANK] = {0};
  int64_t inner = dimensions[rank - 1];
  for (;;) {
    int64_t ia = 0, ib = 0;
    for (int d = 0; d < rank - 1; d++) {
      ia += index[d] * a_strides[d];
      ib += index[d] * b_strides[d];
    }
    broadcast_row(operation, a + ia, a_strides[rank - 1], b + ib, b_strides[rank - 1], y, inner);
    y += inner;
    int d = rank - 2;
    while (d >= 0 && ++index[d] == dimensions[d]) index[d--] = 0;
    if (d < 0) return;
  }
}

void ak_reduce_sum(
    const float *x, const int64_t *dimensions, int rank, float *y, const int64_t *y_strides, size_t y_count) {
  double *sums = calloc(y_count, sizeof(double));
  if (!sums) {
    fprintf(stderr, "aviary: out of memory\n");
    exit(1);
  }
  if (rank == 0) {
    sums[0] = x[0];
  } else {
    int64_t index[AK_MAX_RANK] = {0};
    int64_t inner = dimensions[rank - 1], step = y_strides[rank - 1];
    for (;;) {
      int64_t at = 0;
      for (int d = 0; d < rank - 1; d++) at += index[d] * y_strides[d];
      if (step == 0) sums[at] += ak_sum(x, (size_t)inner);
      else
        for (int64_t i = 0; i < inner; i++) sums[at + i * step] += x[i];
      x += inner;
      int d = rank - 2;
      while (d >= 0 && ++index[d] == dimensions[d]) index[d--] = 0;
      if (d < 0) break;
    }
  }
  for (size_t i = 0; i < y_count; i++) y[i] = (float)sums[i];
  free(sums);
}

void ak_softmax(const float *x, float *y, size_t rows, size_t columns, bool logarithm) {
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
    float largest = -INFINITY;
    for (size_t c = 0; c < columns; c++) largest = x[c] > largest ? x[c] : largest;
    double sum = 0;
    for (size_t c = 0; c < columns; c++) {
      float e = expf(x[c] - largest);
      sum += e;
      y[c] = e;
    }
    if (logarithm) {
      // In this order: beside large logits the logarithm would be rounded away.
      float rest = (float)log(sum);
      for (size_t c = 0; c < columns; c++) y[c] = (x[c] - largest) - rest;
    } else {
      float scale = (float)(1 / sum);
      for (size_t c = 0; c < columns; c++) y[c] *= scale;
    }
  }
}

void ak_softmax_backward(
    const float *dy, const float *y, float *dx, size_t rows, size_t columns, bool logarithm) {
  for (size_t r = 0; r < rows; r++, dy += columns, y += columns, dx += columns) {
    double sum = 0;
    if (logarithm) {
      for (size_t c = 0; c < columns; c++) sum += dy[c];
      for (size_t c = 0; c < columns; c++) dx[c] = dy[c] - expf(y[c]) * (float)sum;
    } else {
      for (size_t c = 0; c < columns; c++) sum += (double)dy[c] * y[c];
      for (size_t c = 0; c < columns; c++) dx[c] = y[c] * (dy[c] - (float)sum);
    }
  }
}

void ak_pick(const float *x, const int32_t *labels, float *y, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) y[r] = x[r * columns + (size_t)labels[r]];
}

void ak_place(const float *values, const int32_t *labels, float *y, size_t rows, size_t columns) {
  ak_fill(y, 0, rows * columns);
  for (size_t r = 0; r < rows; r++) y[r * columns + (size_t)labels[r]] = values[r];
}

void ak_cross_entropy_backward(
    const float *log_probabilities, const int32_t *labels, float weight, float *dx, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    const float *p = log_probabilities + r * columns;
    float *d = dx + r * columns;
    for (size_t c = 0; c < columns; c++) d[c] = weight * expf(p[c]);
    d[labels[r]] -= weight;
  }
}
