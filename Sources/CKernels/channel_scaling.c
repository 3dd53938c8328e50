#include "channel_scaling.h"

#include "multiversion.h"
#include "parallel.h"

typedef struct work {
  ak_channels shape;
  size_t blocks; // of channels, in an image
  const float *x, *other;
  size_t image_step, channel_step;
  float *result;
} work;

static work work_of(ak_channels shape, const float *x, const float *other, float *result) {
  return (work){
      .shape = shape, .blocks = (shape.channels + shape.lanes - 1) / shape.lanes, .x = x, .other = other,
      .result = result};
}

/// A run of neighbours with one factor.
AVIARY_MULTIVERSION static void scale_run(const float *x, float factor, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = x[i] * factor;
}

/// Positions of sixteen channels, `step` elements apart.
AVIARY_MULTIVERSION static void scale_16(
    const float *x, const float *factors, float *y, size_t positions, size_t step) {
  enum { width = 16 };
  float own[width];
  for (size_t l = 0; l < width; l++) own[l] = factors[l];
  for (size_t p = 0; p < positions; p++)
    for (size_t l = 0; l < width; l++) y[p * step + l] = x[p * step + l] * own[l];
}

/// Positions of fewer channels.
AVIARY_MULTIVERSION static void scale_lanes(
    const float *x, const float *factors, float *y, size_t positions, size_t lanes, size_t step) {
  for (size_t p = 0; p < positions; p++)
    for (size_t l = 0; l < lanes; l++) y[p * step + l] = x[p * step + l] * factors[l];
}

static void scale_block(const work *w, size_t image, size_t block) {
  const size_t lanes = w->shape.lanes, positions = w->shape.positions, place = (image * w->blocks + block) * lanes * positions;
  const float *x = w->x + place, *factors = w->other + image * w->image_step;
  float *y = w->result + place;
  if (lanes == 1) return scale_run(x, factors[block * w->channel_step], y, positions);
  for (size_t l = 0; l < lanes; l += 16) {
    enum { width = 16 };
    float own[width] = {0};
    const size_t count = lanes - l < width ? lanes - l : width;
    for (size_t k = 0; k < count; k++) {
      const size_t channel = block * lanes + l + k;
      if (channel < w->shape.channels) own[k] = factors[channel * w->channel_step];
    }
    if (count == width) {
      scale_16(x + l, own, y + l, positions, lanes);
    } else {
      scale_lanes(x + l, own, y + l, positions, count, lanes);
    }
  }
}

AVIARY_MULTIVERSION static double product_run(const float *x, const float *y, size_t count) {
  enum { width = 16 };
  double sums[width] = {0}, sum = 0;
  size_t i = 0;
  for (; i + width <= count; i += width)
    for (size_t l = 0; l < width; l++) sums[l] += (double)x[i + l] * y[i + l];
  for (; i < count; i++) sum += (double)x[i] * y[i];
  for (size_t l = 0; l < width; l++) sum += sums[l];
  return sum;
}

AVIARY_MULTIVERSION static void products_16(
    const float *x, const float *y, double *sums, size_t positions, size_t step) {
  enum { width = 16 };
  double own[width] = {0};
  for (size_t p = 0; p < positions; p++)
    for (size_t l = 0; l < width; l++) own[l] += (double)x[p * step + l] * y[p * step + l];
  for (size_t l = 0; l < width; l++) sums[l] = own[l];
}

AVIARY_MULTIVERSION static void products_lanes(
    const float *x, const float *y, double *sums, size_t positions, size_t lanes, size_t step) {
  for (size_t p = 0; p < positions; p++)
    for (size_t l = 0; l < lanes; l++) sums[l] += (double)x[p * step + l] * y[p * step + l];
}

static void sum_block(const work *w, size_t image, size_t block) {
  const size_t lanes = w->shape.lanes, positions = w->shape.positions, place = (image * w->blocks + block) * lanes * positions;
  const float *x = w->x + place, *y = w->other + place;
  float *result = w->result + image * w->shape.channels;
  if (lanes == 1) {
    result[block] = (float)product_run(x, y, positions);
    return;
  }
  for (size_t l = 0; l < lanes; l += 16) {
    enum { width = 16 };
    double sums[width] = {0};
    const size_t count = lanes - l < width ? lanes - l : width;
    if (count == width) {
      products_16(x + l, y + l, sums, positions, lanes);
    } else {
      products_lanes(x + l, y + l, sums, positions, count, lanes);
    }
    for (size_t k = 0; k < count; k++) {
      const size_t channel = block * lanes + l + k;
      if (channel < w->shape.channels) result[channel] = (float)sums[k];
    }
  }
}

/// The blocks that are a thread's.
static void each_block(const work *w, int thread, int threads, void (*body)(const work *, size_t, size_t)) {
  const size_t parts = w->shape.images * w->blocks;
  const size_t start = parts * (size_t)thread / (size_t)threads, end = parts * (size_t)(thread + 1) / (size_t)threads;
  for (size_t part = start; part < end; part++) body(w, part / w->blocks, part % w->blocks);
}

static void scale_blocks(void *context, int thread, int threads) { each_block(context, thread, threads, scale_block); }

typedef struct affine {
  ak_channels shape;
  // What has the channels one after the other, and how many blocks of them each has.
  const float *const *sources;
  const size_t *source_blocks;
  const float *factors, *offsets;
  bool relu;
  float *y;
  size_t pieces; // of the positions of a block, so that few channels suffice for all threads
} affine;

/// Written so that what is not a number is kept.
static inline float rectified(float x) { return x < 0 ? 0 : x; }

AVIARY_MULTIVERSION static void normalize_run(
    const float *x, float factor, float offset, bool relu, float *y, size_t count) {
  if (relu)
    for (size_t i = 0; i < count; i++) y[i] = rectified(x[i] * factor + offset);
  else
    for (size_t i = 0; i < count; i++) y[i] = x[i] * factor + offset;
}

/// Positions of eight channels, `step` elements apart.
AVIARY_MULTIVERSION static void normalize_8(
    const float *x, const float *factors, const float *offsets, bool relu, float *y, size_t positions, size_t step) {
  enum { width = 8 };
  float factor[width], offset[width];
  for (size_t l = 0; l < width; l++) {
    factor[l] = factors[l];
    offset[l] = offsets[l];
  }
  if (relu)
    for (size_t p = 0; p < positions; p++)
      for (size_t l = 0; l < width; l++)
        y[p * step + l] = rectified(x[p * step + l] * factor[l] + offset[l]);
  else
    for (size_t p = 0; p < positions; p++)
      for (size_t l = 0; l < width; l++) y[p * step + l] = x[p * step + l] * factor[l] + offset[l];
}

/// Positions of fewer channels.
static void normalize_few(
    const float *x, const float *factors, const float *offsets, bool relu, float *y, size_t positions, size_t lanes,
    size_t step) {
  for (size_t p = 0; p < positions; p++)
    for (size_t l = 0; l < lanes; l++) {
      const float value = x[p * step + l] * factors[l] + offsets[l];
      y[p * step + l] = relu ? rectified(value) : value;
    }
}

/// - first: the first block that the source has.
static void normalize_part(const affine *a, size_t part, size_t source, size_t first) {
  const ak_channels s = a->shape;
  const size_t blocks = (s.channels + s.lanes - 1) / s.lanes, piece = part % a->pieces;
  const size_t block = part / a->pieces % blocks, image = part / a->pieces / blocks;
  const size_t start = s.positions * piece / a->pieces, end = s.positions * (piece + 1) / a->pieces;
  const float *x =
      a->sources[source] + ((image * a->source_blocks[source] + block - first) * s.positions + start) * s.lanes;
  float *y = a->y + ((image * blocks + block) * s.positions + start) * s.lanes;
  if (s.lanes == 1) return normalize_run(x, a->factors[block], a->offsets[block], a->relu, y, end - start);
  for (size_t l = 0; l < s.lanes; l += 8) {
    enum { width = 8 };
    const size_t channel = block * s.lanes + l, count = s.lanes - l < width ? s.lanes - l : width;
    const size_t known = channel >= s.channels ? 0 : s.channels - channel < count ? s.channels - channel : count;
    float factors[width] = {0}, offsets[width] = {0};
    for (size_t k = 0; k < known; k++) {
      factors[k] = a->factors[channel + k];
      offsets[k] = a->offsets[channel + k];
    }
    if (count == width) normalize_8(x + l, factors, offsets, a->relu, y + l, end - start, s.lanes);
    else normalize_few(x + l, factors, offsets, a->relu, y + l, end - start, count, s.lanes);
  }
}

static void normalize_parts(void *context, int thread, int threads) {
  const affine *a = context;
  const size_t blocks = (a->shape.channels + a->shape.lanes - 1) / a->shape.lanes;
  const size_t parts = a->shape.images * blocks * a->pieces;
  const size_t start = parts * (size_t)thread / (size_t)threads, end = parts * (size_t)(thread + 1) / (size_t)threads;
  size_t source = 0, first = 0;
  for (size_t part = start; part < end; part++) {
    const size_t block = part / a->pieces % blocks;
    if (block < first) source = first = 0; // of the next image
    while (block - first >= a->source_blocks[source]) first += a->source_blocks[source++];
    normalize_part(a, part, source, first);
  }
}

void ak_normalize_channels(
    ak_channels shape, const float *x, const float *factors, const float *offsets, bool relu, float *y) {
  const size_t blocks = (shape.channels + shape.lanes - 1) / shape.lanes;
  ak_normalize_joined_channels(shape, &x, &blocks, factors, offsets, relu, y);
}

void ak_normalize_joined_channels(
    ak_channels shape, const float *const *sources, const size_t *source_blocks, const float *factors,
    const float *offsets, bool relu, float *y) {
  affine a = {
      .shape = shape, .sources = sources, .source_blocks = source_blocks, .factors = factors, .offsets = offsets,
      .relu = relu, .y = y, .pieces = 1};
  const size_t blocks = shape.images * ((shape.channels + shape.lanes - 1) / shape.lanes);
  if (blocks < 8 && shape.positions >= 64) a.pieces = 8;
  ak_parallel(normalize_parts, &a);
}

static void sum_blocks(void *context, int thread, int threads) { each_block(context, thread, threads, sum_block); }

void ak_scale_channels(
    ak_channels shape, const float *x, const float *factors, size_t image_step, size_t channel_step, float *y) {
  work w = work_of(shape, x, factors, y);
  w.image_step = image_step;
  w.channel_step = channel_step;
  ak_parallel(scale_blocks, &w);
}

void ak_channel_products(ak_channels shape, const float *x, const float *y, float *sums) {
  work w = work_of(shape, x, y, sums);
  ak_parallel(sum_blocks, &w);
}
