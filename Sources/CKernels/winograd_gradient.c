// Winograd's convolution: the gradients of weights and bias.
//
//     gradient of g = Gᵗ [Σ (A dy Aᵗ) ⊙ (Bᵗ d B)] G, the sum over all tiles
//
// In each of the 36 planes that is a product of matrices, [inputs, tiles] · [tiles, outputs].
#include <string.h>

#include "parallel.h"
#include "winograd_internal.h"

/// Where the sums of few weights fit into a core's own cache, each thread has sums of its own and transforms as many
/// tiles at a time as fit in beside them. Else the threads transform all tiles first, and then each takes its part of
/// the weights.
typedef struct {
  const ak_winograd *shape;
  const winograd_kernels *kernels;
  winograd_tiles tiles;
  const float *x, *result_gradient;
  float *weights_gradient, *bias_gradient;
  bool shares;
  /// Tiles of a group: as many as are transformed at once.
  int64_t group;
  /// Blocks of inputs and outputs that a part of the weights has.
  int64_t input_chunk, output_chunk;
  size_t input_plane, gradient_plane, sum_plane;
  /// The transformed image and gradient that are shared, the sums of the bias (each thread's, if not shared), and each
  /// thread's own memory.
  float *input, *gradient, *bias_sums, *own;
  int64_t first, count;
  /// How many threads have sums.
  int64_t team;
} gradient_work;

static gradient_work plan_gradient(const ak_winograd *s, int threads) {
  gradient_work work = {.shape = s, .kernels = winograd_kernels_for(s), .tiles = winograd_tiles_of(s)};
  // Part of the cache is for what passes through.
  const int64_t cache = winograd_cache() * 7 / 10, b = s->block, weights = s->inputs * s->outputs;
  const int64_t channels = s->inputs + s->outputs, inputs = s->inputs / b, outputs = s->outputs / b;
  const int64_t share = winograd_ratio(work.tiles.count, threads);
  work.input_chunk = inputs;
  work.output_chunk = outputs;
  work.shares = weights > cache * 17 / 20 || share < 16;
  if (work.shares) {
    work.group = winograd_least(work.tiles.count, winograd_most(32, (16 << 20) / PRODUCTS / channels));
    work.output_chunk = winograd_least(work.output_chunk, 64 / b);
    work.input_chunk = winograd_least(work.input_chunk, winograd_most(1, cache / (work.output_chunk * b) / b));
    // A part for each thread, if there are as many blocks.
    while (winograd_ratio(inputs, work.input_chunk) * winograd_ratio(outputs, work.output_chunk) < threads &&
           work.input_chunk > 1)
      work.input_chunk = (work.input_chunk + 1) / 2;
  } else {
    const int64_t most = winograd_most(16, winograd_least(64, (cache - weights) / channels));
    work.group = winograd_ratio(share, winograd_ratio(share, most));
  }
  work.input_plane = winograd_plane(s->inputs * work.group);
  work.gradient_plane = winograd_plane(s->outputs * work.group);
  work.sum_plane = winograd_plane(work.input_chunk * work.output_chunk * b * b);
  return work;
}

static size_t shared_floats(const gradient_work *work, int threads) {
  const size_t sums = (size_t)work->shape->outputs * (work->shares ? 1 : (size_t)threads);
  return sums + (work->shares ? PRODUCTS * (work->input_plane + work->gradient_plane) : 0);
}
static size_t own_floats(const gradient_work *work) {
  return PRODUCTS * (work->sum_plane + (work->shares ? 0 : work->input_plane + work->gradient_plane));
}

size_t ak_winograd_backward_weights_floats(const ak_winograd *shape) {
  const int threads = ak_threads();
  const gradient_work work = plan_gradient(shape, threads);
  return shared_floats(&work, threads) + (size_t)threads * own_floats(&work);
}

/// Blocks of outputs from..<to lie in pairs, like the weights: the width of a block's pair.
static int64_t pair_width(int64_t o, int64_t to) { return o + 1 < to ? 2 : 1; }

/// Transforms the gradient of tiles first..<first + count, block `o` of all `to`.
static void transform_gradient(
    const gradient_work *work, int64_t first, int64_t count, int64_t o, float *v, float *sum) {
  const ak_winograd *s = work->shape;
  const int64_t b = s->block, begin = o / 2 * 2, wide = pair_width(begin, s->outputs / b);
  for (int64_t i = 0; i < count; i++) {
    const winograd_place at = winograd_place_of(s, work->tiles, first + i);
    work->kernels->gradient(
        work->result_gradient + winograd_result_offset(s, &at, o), s->result_width * b, at.rows, at.columns,
        v + (begin * work->group + i * wide + o % 2) * b, work->gradient_plane, sum);
  }
}

/// Adds the products of `count` tiles to the sums of a part of the weights, or writes them: of blocks of inputs
/// c..<c_end and of outputs o..<o_end.
static void add_products(
    const gradient_work *work, const float *input, const float *gradient, int64_t count, int64_t c, int64_t c_end,
    int64_t o, int64_t o_end, bool accumulate, float *sums) {
  const ak_winograd *s = work->shape;
  const int64_t b = s->block, outputs = s->outputs / b, inputs = c_end - c;
  // As many tiles at a time as the cache holds of both.
  const int64_t steps = winograd_ratio(count, 256);
  for (int p = 0; p < PRODUCTS; p++) {
    const float *v = input + p * work->input_plane, *d = gradient + p * work->gradient_plane;
    for (int64_t step = 0; step < steps; step++) {
      const int64_t start = winograd_share(count, step, steps), terms = winograd_share(count, step + 1, steps) - start;
      for (int64_t pair = o; pair < o_end; pair += 2) {
        const int64_t wide = pair_width(pair, outputs);
        for (int64_t block = c; block < c_end; block++) {
          const float *a = v + (block * work->group + start) * b;
          const float *next = block + 1 < c_end ? a + work->group * b : a;
          work->kernels->outer_product(
              (int)wide, a, d + (pair * work->group + start * wide) * b, (size_t)terms,
              sums + p * work->sum_plane + ((pair - o) * inputs + (block - c) * wide) * b * b, accumulate || step > 0,
              next);
        }
      }
    }
  }
}

/// Computes the gradient of a block of the weights by the definition: what is not finite is where it would be, and nowhere
/// else.
static void sum_directly(const gradient_work *work, int64_t block, int64_t output) {
  const ak_winograd *s = work->shape;
  const int64_t b = s->block;
  float *w = work->weights_gradient + (output * (s->inputs / b) + block) * 9 * b * b;
  memset(w, 0, (size_t)(9 * b * b) * sizeof(float));
  for (int64_t tile = 0; tile < work->tiles.count; tile++) {
    const winograd_place at = winograd_place_of(s, work->tiles, tile);
    work->kernels->direct_gradient(
        work->x + winograd_input_offset(s, &at, block), s->width * b, at.part,
        work->result_gradient + winograd_result_offset(s, &at, output), s->result_width * b, at.rows, at.columns, w);
  }
}

/// Transforms the sums of a part, whose blocks begin at `c` and `o`, back to the weights of one of its blocks.
///
/// - last: whether nothing will be added.
static void write_weights(
    const gradient_work *work, const float *sums, int64_t c, int64_t c_end, int64_t o, int64_t block, int64_t output,
    bool add, bool last) {
  const ak_winograd *s = work->shape;
  const int64_t b = s->block, inputs = s->inputs / b, outputs = s->outputs / b;
  const int64_t pair = output / 2 * 2, wide = pair_width(pair, outputs);
  const float *u = sums + ((pair - o) * (c_end - c) + (block - c) * wide) * b * b + output % 2 * b;
  const bool is_finite = work->kernels->weight_gradient(
      u, work->sum_plane, (size_t)(wide * b), work->weights_gradient + (output * inputs + block) * 9 * b * b, add);
  if (last && !is_finite) sum_directly(work, block, output);
}

// MARK: - Sums of each thread's own

static void sum_alone(void *context, int thread, int threads) {
  gradient_work *work = context;
  if (thread == 0) work->team = threads;
  const ak_winograd *s = work->shape;
  const int64_t inputs = s->inputs / s->block, outputs = s->outputs / s->block;
  float *sums = work->own + (size_t)thread * own_floats(work), *v = sums + PRODUCTS * work->sum_plane;
  float *d = v + PRODUCTS * work->input_plane, *bias = work->bias_sums + thread * s->outputs;
  memset(bias, 0, (size_t)s->outputs * sizeof(float));
  const int64_t begin = winograd_share(work->tiles.count, thread, threads);
  const int64_t count = winograd_share(work->tiles.count, thread + 1, threads) - begin;
  const int64_t groups = winograd_ratio(count, work->group);
  for (int64_t g = 0; g < groups; g++) {
    const int64_t first = winograd_share(count, g, groups), size = winograd_share(count, g + 1, groups) - first;
    winograd_inputs(s, work->x, begin + first, size, 0, inputs, v, work->input_plane, work->group);
    for (int64_t o = 0; o < outputs; o++) transform_gradient(work, begin + first, size, o, d, bias + o * s->block);
    add_products(work, v, d, size, 0, inputs, 0, outputs, g > 0, sums);
  }
}

static void write_alone(void *context, int thread, int threads) {
  const gradient_work *work = context;
  const ak_winograd *s = work->shape;
  const int64_t inputs = s->inputs / s->block, outputs = s->outputs / s->block, blocks = inputs * outputs;
  for (int64_t i = winograd_share(blocks, thread, threads); i < winograd_share(blocks, thread + 1, threads); i++)
    for (int64_t t = 0; t < work->team; t++)
      write_weights(
          work, work->own + (size_t)t * own_floats(work), 0, inputs, 0, i % inputs, i / inputs, t > 0,
          t + 1 == work->team);
}

// MARK: - Shared tiles

static void transform_both(void *context, int thread, int threads) {
  const gradient_work *work = context;
  const ak_winograd *s = work->shape;
  const int64_t b = s->block, inputs = s->inputs / b, outputs = s->outputs / b;
  // Quarters of blocks. A block of the gradient is its first quarter's thread's, which sums it from end to end.
  const int64_t quarters = 4 * (inputs + outputs);
  for (int64_t i = winograd_share(quarters, thread, threads); i < winograd_share(quarters, thread + 1, threads); i++) {
    const int64_t block = i / 4, quarter = i % 4;
    if (block < outputs) {
      if (quarter == 0)
        transform_gradient(work, work->first, work->count, block, work->gradient, work->bias_sums + block * b);
      continue;
    }
    const int64_t start = winograd_share(work->count, quarter, 4);
    const int64_t size = winograd_share(work->count, quarter + 1, 4) - start;
    winograd_inputs(
        s, work->x, work->first + start, size, block - outputs, block - outputs + 1, work->input + start * b,
        work->input_plane, work->group);
  }
}

static void sum_parts(void *context, int thread, int threads) {
  const gradient_work *work = context;
  const ak_winograd *s = work->shape;
  const int64_t inputs = s->inputs / s->block, outputs = s->outputs / s->block;
  const int64_t down = winograd_ratio(inputs, work->input_chunk), across = winograd_ratio(outputs, work->output_chunk);
  float *sums = work->own + (size_t)thread * own_floats(work);
  const int64_t begin = winograd_share(down * across, thread, threads);
  const int64_t end = winograd_share(down * across, thread + 1, threads);
  for (int64_t i = begin; i < end; i++) {
    const int64_t c = i % down * work->input_chunk, o = i / down * work->output_chunk;
    const int64_t c_end = winograd_least(c + work->input_chunk, inputs);
    const int64_t o_end = winograd_least(o + work->output_chunk, outputs);
    add_products(work, work->input, work->gradient, work->count, c, c_end, o, o_end, false, sums);
    for (int64_t output = o; output < o_end; output++)
      for (int64_t block = c; block < c_end; block++)
        write_weights(
            work, sums, c, c_end, o, block, output, work->first > 0,
            work->first + work->count == work->tiles.count);
  }
}

void ak_winograd_backward_weights(
    const ak_winograd *shape, const float *x, const float *result_gradient, float *weights_gradient,
    float *bias_gradient, float *scratch) {
  const int threads = ak_threads();
  gradient_work work = plan_gradient(shape, threads);
  const size_t outputs = (size_t)shape->outputs;
  work.x = x;
  work.result_gradient = result_gradient;
  work.weights_gradient = weights_gradient;
  work.bias_sums = scratch;
  work.own = scratch + shared_floats(&work, threads);
  if (!work.shares) {
    memset(scratch, 0, (size_t)threads * outputs * sizeof(float));
    ak_parallel(sum_alone, &work);
    ak_parallel(write_alone, &work);
    for (size_t t = 1; t < (size_t)threads; t++)
      for (size_t o = 0; o < outputs; o++) scratch[o] += scratch[t * outputs + o];
  } else {
    work.input = scratch + outputs;
    work.gradient = work.input + PRODUCTS * work.input_plane;
    memset(scratch, 0, outputs * sizeof(float));
    for (; work.first < work.tiles.count; work.first += work.count) {
      work.count = winograd_least(work.group, work.tiles.count - work.first);
      ak_parallel(transform_both, &work);
      ak_parallel(sum_parts, &work);
    }
  }
  if (bias_gradient) memcpy(bias_gradient, scratch, outputs * sizeof(float));
}
