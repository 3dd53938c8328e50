#include "normalization.h"

#include "elementwise.h"
#include "multiversion.h"
#include "parallel.h"
#include "vector_math.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// MARK: - Rows

typedef struct rows_work {
  ak_rows shape;
  const float *dy, *x, *scale, *shift;
  float *mean, *inverse;
  float epsilon;
  float *y;
} rows_work;

/// The sum of (x − mean)², accumulated in double.
AVIARY_MULTIVERSION static double deviation(const float *x, double mean, size_t count) {
  enum { lanes = 8 };
  double sums[lanes] = {0}, total = 0;
  size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (size_t l = 0; l < lanes; l++) sums[l] += (x[i + l] - mean) * (x[i + l] - mean);
  for (; i < count; i++) total += (x[i] - mean) * (x[i] - mean);
  for (size_t l = 0; l < lanes; l++) total += sums[l];
  return total;
}

AVIARY_MULTIVERSION static void normalize_range(void *context, size_t start, size_t end) {
  const rows_work *w = context;
  const size_t channels = w->shape.channels, run = w->shape.run, count = channels * run;
  for (size_t row = start; row < end; row++) {
    const float *x = w->x + row * count;
    float *y = w->y + row * count;
    double mean = ak_sum(x, count) / (double)count;
    double inverse = 1 / sqrt(deviation(x, mean, count) / (double)count + w->epsilon);
    w->mean[row] = (float)mean;
    w->inverse[row] = (float)inverse;
    const float m = (float)mean, v = (float)inverse;
    const size_t first = row % w->shape.groups * channels;
    if (!w->scale && !w->shift) {
      for (size_t i = 0; i < count; i++) y[i] = (x[i] - m) * v;
    } else if (run == 1) {
      const float *scale = w->scale ? w->scale + first : NULL, *shift = w->shift ? w->shift + first : NULL;
      for (size_t c = 0; c < count; c++) y[c] = (x[c] - m) * v;
      if (scale)
        for (size_t c = 0; c < count; c++) y[c] *= scale[c];
      if (shift)
        for (size_t c = 0; c < count; c++) y[c] += shift[c];
    } else {
      for (size_t c = 0; c < channels; c++) {
        const float scale = w->scale ? w->scale[first + c] : 1, shift = w->shift ? w->shift[first + c] : 0;
        for (size_t i = c * run; i < (c + 1) * run; i++) y[i] = (x[i] - m) * v * scale + shift;
      }
    }
  }
}

void ak_normalize_rows(
    ak_rows shape, const float *x, const float *scale, const float *shift, float epsilon, float *y, float *mean,
    float *inverse) {
  rows_work work = {
      .shape = shape, .x = x, .scale = scale, .shift = shift, .mean = mean, .inverse = inverse, .epsilon = epsilon,
      .y = y};
  ak_parallel_ranges(shape.rows, 16, normalize_range, &work);
}

/// dx = inverse · (g − mean(g) − x̂·mean(g·x̂)), where g = dy·scale and x̂ = (x − mean)·inverse.
AVIARY_MULTIVERSION static void backward_range(void *context, size_t start, size_t end) {
  const rows_work *w = context;
  const size_t channels = w->shape.channels, run = w->shape.run, count = channels * run;
  for (size_t row = start; row < end; row++) {
    const float *x = w->x + row * count, *dy = w->dy + row * count;
    const float *scale = w->scale ? w->scale + row % w->shape.groups * channels : NULL;
    const float m = w->mean[row], v = w->inverse[row];
    float *dx = w->y + row * count;
    // g waits where its result will be.
    if (!scale) {
      for (size_t i = 0; i < count; i++) dx[i] = dy[i];
    } else if (run == 1) {
      for (size_t i = 0; i < count; i++) dx[i] = dy[i] * scale[i];
    } else {
      for (size_t c = 0; c < channels; c++)
        for (size_t i = c * run; i < (c + 1) * run; i++) dx[i] = dy[i] * scale[c];
    }
    enum { lanes = 8 };
    double sums[lanes] = {0}, products[lanes] = {0};
    size_t i = 0;
    for (; i + lanes <= count; i += lanes)
      for (size_t l = 0; l < lanes; l++) {
        sums[l] += dx[i + l];
        products[l] += (double)dx[i + l] * ((x[i + l] - m) * v);
      }
    for (; i < count; i++) {
      sums[0] += dx[i];
      products[0] += (double)dx[i] * ((x[i] - m) * v);
    }
    double sum = 0, product = 0;
    for (size_t l = 0; l < lanes; l++) {
      sum += sums[l];
      product += products[l];
    }
    const float a = (float)(sum / (double)count), b = (float)(product / (double)count);
    for (i = 0; i < count; i++) dx[i] = v * (dx[i] - a - (x[i] - m) * v * b);
  }
}

/// The sums over rows of dy·x̂ and of dy, for every channel.
AVIARY_MULTIVERSION static void channel_sums(const rows_work *w, double *scales, double *shifts) {
  const size_t channels = w->shape.channels, run = w->shape.run;
  for (size_t row = 0; row < w->shape.rows; row++) {
    const float m = w->mean[row], v = w->inverse[row];
    const float *x = w->x + row * channels * run, *dy = w->dy + row * channels * run;
    double *scale = scales + row % w->shape.groups * channels, *shift = shifts + row % w->shape.groups * channels;
    if (run == 1) {
      for (size_t c = 0; c < channels; c++) {
        scale[c] += (double)dy[c] * ((x[c] - m) * v);
        shift[c] += dy[c];
      }
      continue;
    }
    for (size_t c = 0; c < channels; c++) {
      double product = 0;
      for (size_t i = c * run; i < (c + 1) * run; i++) product += (double)dy[i] * ((x[i] - m) * v);
      scale[c] += product;
      shift[c] += ak_sum(dy + c * run, run);
    }
  }
}

void ak_normalize_rows_backward(
    ak_rows shape, const float *dy, const float *x, const float *scale, const float *mean, const float *inverse,
    float *dx, float *d_scale, float *d_shift) {
  rows_work work = {
      .shape = shape, .dy = dy, .x = x, .scale = scale, .mean = (float *)mean, .inverse = (float *)inverse, .y = dx};
  if (dx) ak_parallel_ranges(shape.rows, 16, backward_range, &work);
  if (!d_scale || !d_shift) return;
  const size_t count = shape.groups * shape.channels;
  double *sums = calloc(2 * count, sizeof(double));
  if (!sums) {
    fprintf(stderr, "aviary: out of memory\n");
    exit(1);
  }
  channel_sums(&work, sums, sums + count);
  for (size_t c = 0; c < count; c++) {
    d_scale[c] = (float)sums[c];
    d_shift[c] = (float)sums[count + c];
  }
  free(sums);
}

// MARK: - Neighbouring channels

// Positions are worked on in blocks that stay in the first cache for all channels of a window.
#define BLOCK 64

typedef struct response_work {
  ak_response shape;
  const float *dy, *x, *base;
  float *bases, *y;
} response_work;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/// The blocks of an image.
static size_t blocks(const ak_response *s) { return (s->positions + BLOCK - 1) / BLOCK; }

AVIARY_MULTIVERSION static void response_range(void *context, size_t start, size_t end) {
  const response_work *w = context;
  const ak_response s = w->shape;
  for (size_t job = start; job < end; job++) {
    const size_t image = job / blocks(&s), from = job % blocks(&s) * BLOCK, n = smaller(BLOCK, s.positions - from);
    const size_t at = image * s.channels * s.positions + from;
    for (size_t c = 0; c < s.channels; c++) {
      float sums[BLOCK] = {0};
      const size_t low = c - smaller(c, s.size / 2), high = smaller(c + (s.size - 1) / 2, s.channels - 1);
      for (size_t j = low; j <= high; j++) {
        const float *x = w->x + at + j * s.positions;
        for (size_t i = 0; i < n; i++) sums[i] += x[i] * x[i];
      }
      const float *x = w->x + at + c * s.positions;
      float *base = w->bases + at + c * s.positions, *y = w->y + at + c * s.positions;
      const float factor = s.alpha / (float)s.size;
      for (size_t i = 0; i < n; i++) {
        const float b = s.k + factor * sums[i];
        base[i] = b;
        y[i] = x[i] * vm_exp(-s.beta * vm_log(b));
      }
    }
  }
}

void ak_response_norm(ak_response shape, const float *x, float *base, float *y) {
  response_work work = {.shape = shape, .x = x, .bases = base, .y = y};
  ak_parallel_ranges(shape.images * blocks(&shape), 4, response_range, &work);
}

AVIARY_MULTIVERSION static void response_backward_range(void *context, size_t start, size_t end) {
  const response_work *w = context;
  const ak_response s = w->shape;
  for (size_t job = start; job < end; job++) {
    const size_t image = job / blocks(&s), from = job % blocks(&s) * BLOCK, n = smaller(BLOCK, s.positions - from);
    const size_t at = image * s.channels * s.positions + from;
    for (size_t c = 0; c < s.channels; c++) {
      // The channels in whose windows this one is.
      float sums[BLOCK] = {0};
      const size_t low = c - smaller(c, (s.size - 1) / 2), high = smaller(c + s.size / 2, s.channels - 1);
      for (size_t j = low; j <= high; j++) {
        const size_t there = at + j * s.positions;
        const float *dy = w->dy + there, *x = w->x + there, *base = w->base + there;
        for (size_t i = 0; i < n; i++) sums[i] += dy[i] * x[i] * vm_exp(-(s.beta + 1) * vm_log(base[i]));
      }
      const size_t here = at + c * s.positions;
      const float *dy = w->dy + here, *x = w->x + here, *base = w->base + here;
      float *dx = w->y + here;
      const float factor = 2 * s.alpha * s.beta / (float)s.size;
      for (size_t i = 0; i < n; i++)
        dx[i] = dy[i] * vm_exp(-s.beta * vm_log(base[i])) - factor * x[i] * sums[i];
    }
  }
}

void ak_response_norm_backward(ak_response shape, const float *dy, const float *x, const float *base, float *dx) {
  response_work work = {.shape = shape, .dy = dy, .x = x, .base = base, .y = dx};
  ak_parallel_ranges(shape.images * blocks(&shape), 4, response_backward_range, &work);
}

// MARK: - Blocks

size_t ak_drop_blocks(
    const float *seeds, float rate, float *mask, size_t planes, size_t rows, size_t columns, size_t block) {
  ak_fill(mask, 1, planes * rows * columns);
  for (size_t p = 0; p < planes; p++, mask += rows * columns)
    for (size_t r = 0; r + block <= rows; r++)
      for (size_t c = 0; c + block <= columns; c++)
        if (*seeds++ < rate)
          for (size_t i = r; i < r + block; i++)
            for (size_t j = c; j < c + block; j++) mask[i * columns + j] = 0;
  mask -= planes * rows * columns;
  return (size_t)ak_sum(mask, planes * rows * columns);
}
