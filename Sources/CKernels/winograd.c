// Winograd's convolution: the weights, and the forward pass.
#include "winograd_internal.h"

#include <unistd.h>

#include "parallel.h"

static bool has_avx512(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd");
#else
  return false;
#endif
}

static bool has_avx2(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

const winograd_kernels *winograd_kernels_for(const ak_winograd *s) {
#if defined(__x86_64__)
  if (s->block == 16) return has_avx512() ? &winograd_avx512_kernels : NULL;
  if (s->block == 8 && !s->plain && has_avx2()) return &winograd_avx2_kernels;
#endif
  return s->block == 8 ? &winograd_portable_kernels : NULL;
}

bool ak_winograd_is_fast(int64_t block) { return block == 16 ? has_avx512() : block == 8 && has_avx2(); }

const char *ak_winograd_kernels(int64_t block) {
  if (!ak_winograd_is_fast(block)) return "plain";
  return block == 16 ? "avx512" : "avx2";
}

winograd_tiles winograd_tiles_of(const ak_winograd *s) {
  winograd_tiles tiles = {winograd_ratio(s->result_height, 4), winograd_ratio(s->result_width, 4), 0};
  tiles.count = s->batch * tiles.down * tiles.across;
  return tiles;
}

int64_t winograd_cache(void) {
  long bytes = 0;
#ifdef _SC_LEVEL2_CACHE_SIZE
  bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
  // Unknown, or of several cores together.
  if (bytes < 256 << 10 || bytes > 4 << 20) bytes = 1 << 20;
  return bytes / (int64_t)(PRODUCTS * sizeof(float));
}

// MARK: - Weights

// A plane holds [outputs in pairs of blocks][inputs][pair], so that a product reads it from one end to the other. The last
// pair may be one block alone.
static size_t weight_plane(const ak_winograd *s) { return winograd_plane(s->inputs * s->outputs); }

/// Where the pair of a block of outputs begins.
static size_t pair_of(const ak_winograd *s, int64_t block) { return (size_t)(block / 2 * 2 * s->block * s->inputs); }

size_t ak_winograd_weight_floats(const ak_winograd *s) { return PRODUCTS * weight_plane(s); }

typedef struct {
  const ak_winograd *shape;
  const float *weights;
  float *transformed;
  bool turned;
} weight_work;

static void transform_weights(void *context, int thread, int threads) {
  const weight_work *work = context;
  const ak_winograd *s = work->shape;
  const winograd_kernels *k = winograd_kernels_for(s);
  const int64_t b = s->block, inputs = s->inputs / b, outputs = s->outputs / b, count = inputs * outputs;
  const size_t plane = weight_plane(s);
  for (int64_t i = winograd_share(count, thread, threads); i < winograd_share(count, thread + 1, threads); i++) {
    const int64_t o = i / inputs, c = i % inputs, wide = o / 2 * 2 + 1 < outputs ? 2 : 1;
    float *u = work->transformed + pair_of(s, o) + (c * b * wide + o % 2) * b;
    // In the gradient of the input, what comes out once went in.
    const int64_t at = work->turned ? c * outputs + o : i;
    (work->turned ? k->turned : k->weights)(work->weights + at * 9 * b * b, u, plane, (size_t)(wide * b));
  }
}

void ak_winograd_transform_weights(const ak_winograd *shape, const float *weights, float *transformed) {
  weight_work work = {shape, weights, transformed, false};
  ak_parallel(transform_weights, &work);
}

void ak_winograd_transform_turned_weights(const ak_winograd *shape, const float *weights, float *transformed) {
  weight_work work = {shape, weights, transformed, true};
  ak_parallel(transform_weights, &work);
}

// MARK: - The forward pass

void winograd_inputs(
    const ak_winograd *s, const float *x, int64_t first, int64_t count, int64_t from, int64_t to, float *v, size_t plane,
    int64_t length) {
  const winograd_kernels *k = winograd_kernels_for(s);
  const winograd_tiles tiles = winograd_tiles_of(s);
  const int64_t b = s->block, blocks = s->inputs / b;
  for (int64_t i = 0; i < count; i++) {
    const int64_t image = (first + i) / (tiles.down * tiles.across), at = (first + i) % (tiles.down * tiles.across);
    const int64_t row = at / tiles.across * 4 - s->top, column = at % tiles.across * 4 - s->left;
    const winograd_part part = {
        (int)winograd_most(0, -row), (int)winograd_least(6, s->height - row), (int)winograd_most(0, -column),
        (int)winograd_least(6, s->width - column)};
    for (int64_t c = from; c < to; c++) {
      // Of a tile in the padding, the first element may lie before the image.
      const int64_t offset = (((image * blocks + c) * s->height + row) * s->width + column) * b;
      k->input(x + offset, s->width * b, part, v + (c * length + i) * b, plane);
    }
  }
}

/// A forward pass in groups of tiles and chunks of outputs, so that a core's own cache holds what is transformed.
///
/// Where a group's input fits into it, each thread transforms the input of its groups and multiplies at once. With more
/// channels the weights would be read too often: then all threads transform the input of many tiles, and after that
/// multiply it, in larger groups, chunk by chunk.
typedef struct {
  const ak_winograd *shape;
  const winograd_kernels *kernels;
  winograd_tiles tiles;
  const float *x, *transformed, *bias;
  bool add, relu;
  float *y;
  /// Whether the threads share the transformed input; so many tiles at most, at once.
  bool shares;
  int64_t shared;
  /// Tiles of a group, and blocks of outputs of a chunk.
  int64_t group, chunk;
  size_t input_plane, product_plane;
  /// The input of the groups that are shared, and the threads' own memory.
  float *input, *own;
  int64_t first, count;
} forward_work;

static forward_work plan_forward(const ak_winograd *s, int threads) {
  forward_work work = {.shape = s, .kernels = winograd_kernels_for(s), .tiles = winograd_tiles_of(s)};
  const int64_t rows = work.kernels->rows, b = s->block, blocks = s->outputs / b, tiles = work.tiles.count;
  // Measured with 2 MB: more than a quarter of the cache is slower, whatever is left for the weights.
  const int64_t cache = winograd_cache() / 4;
  work.chunk = winograd_least(blocks, 64 / b);
  int64_t group = cache / (s->inputs + work.chunk * b) / rows * rows;
  work.shares = group < 12 || tiles < 24 * threads;
  if (work.shares) {
    work.shared = winograd_least(tiles, winograd_most(64, (16 << 20) / PRODUCTS / s->inputs));
    group = winograd_most(rows, cache / (work.chunk * b) / rows * rows);
    // Enough pieces for all threads to end together.
    while (work.chunk > 2 && winograd_ratio(work.shared, group) * winograd_ratio(blocks, work.chunk) % threads != 0 &&
           winograd_ratio(work.shared, group) * winograd_ratio(blocks, work.chunk) < 4 * threads)
      work.chunk = winograd_most(2, work.chunk / 4 * 2);
    work.group = winograd_ratio(work.shared, winograd_ratio(work.shared, group));
  } else {
    // As many groups for each thread, of nearly the same size.
    const int64_t share = winograd_ratio(tiles, threads);
    work.group = winograd_ratio(share, winograd_ratio(share, group));
  }
  work.input_plane = winograd_plane(s->inputs * work.group);
  work.product_plane = winograd_plane(work.chunk * b * work.group);
  return work;
}

/// Floats of the shared input, and of each thread's own memory.
static size_t shared_floats(const forward_work *work) {
  return work->shares ? (size_t)winograd_ratio(work->shared, work->group) * PRODUCTS * work->input_plane : 0;
}
static size_t own_floats(const forward_work *work) {
  return PRODUCTS * ((work->shares ? 0 : work->input_plane) + work->product_plane);
}

size_t ak_winograd_forward_floats(const ak_winograd *shape) {
  const int threads = ak_threads();
  const forward_work work = plan_forward(shape, threads);
  return shared_floats(&work) + (size_t)threads * own_floats(&work);
}

/// Multiplies a group's input by the weights of the blocks from..<to of the result, which it writes.
///
/// - input: the group's.
/// - m: memory for the products.
static void multiply(
    const forward_work *work, int64_t first, int64_t count, int64_t from, int64_t to, const float *input, float *m) {
  const ak_winograd *s = work->shape;
  const int64_t b = s->block, inputs = s->inputs / b, outputs = s->outputs / b;
  const size_t plane = weight_plane(s);
  const int64_t parts = winograd_ratio(count, work->kernels->rows);
  for (int p = 0; p < PRODUCTS; p++) {
    const float *v = input + p * work->input_plane, *u = work->transformed + p * plane;
    const bool last = p + 1 == PRODUCTS;
    // Of a shared input the next plane is not in this core's cache yet.
    const float *coming = v + work->input_plane, *end = work->shares && !last ? coming + work->input_plane : coming;
    for (int64_t o = from; o < to; o += 2) {
      const float *pair = u + pair_of(s, o);
      const float *next = o + 2 < to ? u + pair_of(s, o + 2) : last ? pair : u + plane + pair_of(s, from);
      const int wide = o + 1 < to ? 2 : 1;
      for (int64_t part = 0; part < parts; part++) {
        const int64_t start = winograd_share(count, part, parts), rows = winograd_share(count, part + 1, parts) - start;
        const float *ahead = part == 0 ? next : pair;
        const ptrdiff_t length = wide * b * s->inputs;
        if (part > 0 && end - coming >= length) {
          ahead = coming;
          coming += length;
        }
        work->kernels->product(
            (int)rows, wide, v + start * b, (size_t)(work->group * b), pair, (size_t)inputs,
            m + p * work->product_plane + ((o - from) * work->group + start) * b, (size_t)(work->group * b), ahead);
      }
    }
  }
  const winograd_tiles tiles = work->tiles;
  for (int64_t i = 0; i < count; i++) {
    const int64_t image = (first + i) / (tiles.down * tiles.across), at = (first + i) % (tiles.down * tiles.across);
    const int64_t row = at / tiles.across * 4, column = at % tiles.across * 4;
    const int rows = (int)winograd_least(4, s->result_height - row);
    const int columns = (int)winograd_least(4, s->result_width - column);
    for (int64_t o = from; o < to; o++) {
      const int64_t offset = (((image * outputs + o) * s->result_height + row) * s->result_width + column) * b;
      work->kernels->output(
          m + ((o - from) * work->group + i) * b, work->product_plane, work->bias ? work->bias + o * b : NULL, work->add,
          work->relu, work->y + offset, s->result_width * b, rows, columns);
    }
  }
}

/// Groups of a thread's own.
static void forward_alone(void *context, int thread, int threads) {
  const forward_work *work = context;
  const ak_winograd *s = work->shape;
  const int64_t outputs = s->outputs / s->block;
  float *v = work->own + (size_t)thread * own_floats(work), *m = v + PRODUCTS * work->input_plane;
  const int64_t begin = winograd_share(work->tiles.count, thread, threads);
  const int64_t count = winograd_share(work->tiles.count, thread + 1, threads) - begin;
  const int64_t groups = winograd_ratio(count, work->group);
  for (int64_t g = 0; g < groups; g++) {
    const int64_t first = winograd_share(count, g, groups), size = winograd_share(count, g + 1, groups) - first;
    winograd_inputs(s, work->x, begin + first, size, 0, s->inputs / s->block, v, work->input_plane, work->group);
    for (int64_t o = 0; o < outputs; o += work->chunk)
      multiply(work, begin + first, size, o, winograd_least(o + work->chunk, outputs), v, m);
  }
}

static void transform_shared(void *context, int thread, int threads) {
  const forward_work *work = context;
  const ak_winograd *s = work->shape;
  const int64_t blocks = s->inputs / s->block, groups = winograd_ratio(work->count, work->group);
  const int64_t begin = winograd_share(blocks * groups, thread, threads), end = winograd_share(blocks * groups, thread + 1, threads);
  for (int64_t i = begin; i < end; i++) {
    const int64_t g = i / blocks, c = i % blocks;
    const int64_t first = winograd_share(work->count, g, groups), size = winograd_share(work->count, g + 1, groups) - first;
    winograd_inputs(
        s, work->x, work->first + first, size, c, c + 1, work->input + (size_t)g * PRODUCTS * work->input_plane,
        work->input_plane, work->group);
  }
}

static void multiply_shared(void *context, int thread, int threads) {
  const forward_work *work = context;
  const int64_t outputs = work->shape->outputs / work->shape->block;
  const int64_t chunks = winograd_ratio(outputs, work->chunk), groups = winograd_ratio(work->count, work->group);
  float *m = work->own + (size_t)thread * own_floats(work);
  const int64_t begin = winograd_share(chunks * groups, thread, threads), end = winograd_share(chunks * groups, thread + 1, threads);
  for (int64_t i = begin; i < end; i++) {
    const int64_t from = i / groups * work->chunk, g = i % groups;
    const int64_t first = winograd_share(work->count, g, groups), size = winograd_share(work->count, g + 1, groups) - first;
    multiply(
        work, work->first + first, size, from, winograd_least(from + work->chunk, outputs),
        work->input + (size_t)g * PRODUCTS * work->input_plane, m);
  }
}

void ak_winograd_forward(
    const ak_winograd *shape, const float *x, const float *transformed, const float *bias, bool add, bool relu, float *y,
    float *scratch) {
  forward_work work = plan_forward(shape, ak_threads());
  work.x = x;
  work.transformed = transformed;
  work.bias = bias;
  work.add = add;
  work.relu = relu;
  work.y = y;
  work.input = scratch;
  work.own = scratch + shared_floats(&work);
  if (!work.shares) {
    ak_parallel(forward_alone, &work);
    return;
  }
  for (; work.first < work.tiles.count; work.first += work.count) {
    work.count = winograd_least(work.shared, work.tiles.count - work.first);
    ak_parallel(transform_shared, &work);
    ak_parallel(multiply_shared, &work);
  }
}
