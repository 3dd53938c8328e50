#include "normalization.h"

#include "multiversion.h"
#include "parallel.h"

#include <stdint.h>

/// The least number of positions of a part, unless the whole batch has fewer.
#define PART 2048

typedef struct work {
  ak_channels shape;
  size_t blocks, images, groups; // blocks of channels, images of a part, parts of a block
  const float *x;
  double *sums; // [groups, blocks, 2, lanes]: of the deviations from the first element, and of their squares
} work;

static work work_of(ak_channels shape, const float *x, double *sums) {
  size_t images = shape.positions >= PART ? 1 : (PART + shape.positions - 1) / shape.positions;
  return (work){
      .shape = shape, .blocks = (shape.channels + shape.lanes - 1) / shape.lanes, .images = images,
      .groups = (shape.images + images - 1) / images, .x = x, .sums = sums};
}

size_t ak_channel_statistics_scratch(ak_channels shape) {
  work w = work_of(shape, NULL, NULL);
  return w.groups * w.blocks * 2 * shape.lanes;
}

/// One channel's run of neighbours.
AVIARY_MULTIVERSION static void add_run(const float *x, size_t count, double pivot, double *sum, double *square) {
  enum { width = 16 };
  double sums[width] = {0}, squares[width] = {0};
  size_t i = 0;
  for (; i + width <= count; i += width)
    for (size_t l = 0; l < width; l++) {
      double d = x[i + l] - pivot;
      sums[l] += d;
      squares[l] += d * d;
    }
  for (; i < count; i++) {
    double d = x[i] - pivot;
    sums[0] += d;
    squares[0] += d * d;
  }
  for (size_t l = 0; l < width; l++) {
    *sum += sums[l];
    *square += squares[l];
  }
}

/// Positions of sixteen channels side by side.
AVIARY_MULTIVERSION static void add_16(
    const float *x, size_t positions, size_t step, const float *pivot, double *sum, double *square) {
  enum { width = 16 };
  double sums[width] = {0}, squares[width] = {0};
  for (size_t p = 0; p < positions; p++)
    for (size_t l = 0; l < width; l++) {
      double d = (double)x[p * step + l] - pivot[l];
      sums[l] += d;
      squares[l] += d * d;
    }
  for (size_t l = 0; l < width; l++) {
    sum[l] += sums[l];
    square[l] += squares[l];
  }
}

/// Positions of `lanes` channels, `step` elements apart.
AVIARY_MULTIVERSION static void add_lanes(
    const float *x, size_t positions, size_t lanes, size_t step, const float *pivot, double *sum, double *square) {
  for (size_t p = 0; p < positions; p++)
    for (size_t l = 0; l < lanes; l++) {
      double d = (double)x[p * step + l] - pivot[l];
      sum[l] += d;
      square[l] += d * d;
    }
}

static void add_part(const work *w, size_t group, size_t block) {
  const size_t lanes = w->shape.lanes, positions = w->shape.positions, stretch = positions * lanes;
  const size_t end = (group + 1) * w->images < w->shape.images ? (group + 1) * w->images : w->shape.images;
  const float *pivot = w->x + block * stretch;
  double *sum = w->sums + (group * w->blocks + block) * 2 * lanes, *square = sum + lanes;
  for (size_t l = 0; l < lanes; l++) sum[l] = square[l] = 0;
  for (size_t image = group * w->images; image < end; image++) {
    const float *x = w->x + (image * w->blocks + block) * stretch;
    if (lanes == 1) {
      add_run(x, positions, *pivot, sum, square);
      continue;
    }
    size_t l = 0;
    for (; l + 16 <= lanes; l += 16) add_16(x + l, positions, lanes, pivot + l, sum + l, square + l);
    if (l < lanes) add_lanes(x + l, positions, lanes - l, lanes, pivot + l, sum + l, square + l);
  }
}

static void add_parts(void *context, int thread, int threads) {
  const work *w = context;
  const size_t parts = w->groups * w->blocks;
  const size_t start = parts * (size_t)thread / (size_t)threads, end = parts * (size_t)(thread + 1) / (size_t)threads;
  for (size_t part = start; part < end; part++) add_part(w, part / w->blocks, part % w->blocks);
}

void ak_channel_statistics(ak_channels shape, const float *x, float *mean, float *variance, double *scratch) {
  work w = work_of(shape, x, scratch);
  ak_parallel(add_parts, &w);
  const double count = (double)(shape.images * shape.positions);
  for (size_t channel = 0; channel < shape.channels; channel++) {
    const size_t block = channel / shape.lanes, lane = channel % shape.lanes;
    double sum = 0, square = 0;
    for (size_t group = 0; group < w.groups; group++) {
      const double *part = scratch + (group * w.blocks + block) * 2 * shape.lanes + lane;
      sum += part[0];
      square += part[shape.lanes];
    }
    const double deviation = sum / count, spread = square / count - deviation * deviation;
    mean[channel] = (float)((double)x[block * shape.positions * shape.lanes + lane] + deviation);
    variance[channel] = spread < 0 ? 0 : (float)spread;
  }
}
