// Winograd's convolution: the weights, and the forward pass.
#include "winograd_internal.h"

#include <unistd.h>

#include "parallel.h"
#include "processor.h"

const winograd_kernels *winograd_kernels_for(const ak_winograd *s) {
#if defined(__x86_64__)
  if (s->block == 16) return processor_has_avx512() ? &winograd_avx512_kernels : NULL;
  if (s->block == 8 && !s->plain && processor_has_avx2()) return &winograd_avx2_kernels;
#endif
  return s->block == 8 ? &winograd_portable_kernels : NULL;
}

bool ak_winograd_is_fast(int64_t block) { return block == 16 ? processor_has_avx512() : block == 8 && processor_has_avx2(); }

const char *ak_winograd_kernels(int64_t block) {
  if (!ak_winograd_is_fast(block)) return "plain";
  return block == 16 ? "avx512" : "avx2";
}

winograd_tiles winograd_tiles_of(const ak_winograd *s) {
  winograd_tiles tiles = {winograd_ratio(s->result_height, 4), winograd_ratio(s->result_width, 4), 0};
  tiles.count = s->batch * tiles.down * tiles.across;
  return tiles;
}

winograd_place winograd_place_of(const ak_winograd *s, winograd_tiles tiles, int64_t tile) {
  const int64_t at = tile % (tiles.down * tiles.across), row = at / tiles.across * 4, column = at % tiles.across * 4;
  const int64_t top = row - s->top, left = column - s->left;
  return (winograd_place){
      .image = tile / (tiles.down * tiles.across),
      .row = row,
      .column = column,
      .part = {(int)winograd_most(0, -top), (int)winograd_least(6, s->height - top), (int)winograd_most(0, -left),
               (int)winograd_least(6, s->width - left)},
      .rows = (int)winograd_least(4, s->result_height - row),
      .columns = (int)winograd_least(4, s->result_width - column)};
}

ptrdiff_t winograd_input_offset(const ak_winograd *s, const winograd_place *at, int64_t block) {
  const int64_t row = at->row - s->top, column = at->column - s->left;
  return (((at->image * (s->inputs / s->block) + block) * s->height + row) * s->width + column) * s->block;
}

ptrdiff_t winograd_result_offset(const ak_winograd *s, const winograd_place *at, int64_t block) {
  const int64_t plane = at->image * (s->outputs / s->block) + block;
  return ((plane * s->result_height + at->row) * s->result_width + at->column) * s->block;
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

// A plane holds [outputs in pairs of blocks][inputs][pair], so that a product reads it from one end to the other. The
// last pair may be one block alone.

/// Where the pair of a block of outputs begins.
static size_t pair_of(const ak_winograd *s, int64_t block) { return (size_t)(block / 2 * 2 * s->block * s->inputs); }

static size_t weight_plane(const ak_winograd *s, int64_t blocks) {
  return winograd_plane(s->inputs * blocks * s->block);
}

size_t ak_winograd_weight_floats(const ak_winograd *s) { return PRODUCTS * weight_plane(s, s->outputs / s->block); }

/// Transforms the weights of one block of inputs and one of outputs, into planes that begin with the outputs' block
/// `from`.
static void transform_block(
    const ak_winograd *s, const float *weights, bool turned, int64_t c, int64_t o, int64_t from, float *transformed,
    size_t plane) {
  const winograd_kernels *k = winograd_kernels_for(s);
  const int64_t b = s->block, inputs = s->inputs / b, outputs = s->outputs / b, wide = o / 2 * 2 + 1 < outputs ? 2 : 1;
  float *u = transformed + pair_of(s, o - from) + (c * b * wide + o % 2) * b;
  // In the gradient of the input, what comes out once went in.
  const float *w = weights + (turned ? c * outputs + o : o * inputs + c) * 9 * b * b;
  (turned ? k->turned : k->weights)(w, u, plane, (size_t)(wide * b));
}

typedef struct {
  const ak_winograd *shape;
  const float *weights;
  float *transformed;
  bool turned;
} weight_work;

static void transform_weights(void *context, int thread, int threads) {
  const weight_work *work = context;
  const ak_winograd *s = work->shape;
  const int64_t inputs = s->inputs / s->block, outputs = s->outputs / s->block, count = inputs * outputs;
  const size_t plane = weight_plane(s, outputs);
  for (int64_t i = winograd_share(count, thread, threads); i < winograd_share(count, thread + 1, threads); i++)
    transform_block(s, work->weights, work->turned, i % inputs, i / inputs, 0, work->transformed, plane);
}

void ak_winograd_transform(const ak_winograd *shape, const float *weights, float *transformed) {
  weight_work work = {shape, weights, transformed, false};
  ak_parallel(transform_weights, &work);
}

// MARK: - The forward pass

void winograd_inputs(
    const ak_winograd *s, const float *x, int64_t first, int64_t count, int64_t from, int64_t to, float *v,
    size_t plane, int64_t length) {
  const winograd_kernels *k = winograd_kernels_for(s);
  const winograd_tiles tiles = winograd_tiles_of(s);
  const int64_t b = s->block;
  for (int64_t i = 0; i < count; i++) {
    const winograd_place at = winograd_place_of(s, tiles, first + i);
    // Of a tile in the padding, the first element may lie before the image.
    for (int64_t c = from; c < to; c++)
      k->input(x + winograd_input_offset(s, &at, c), s->width * b, at.part, v + (c * length + i) * b, plane);
  }
}

/// A forward pass in groups of tiles and chunks of outputs, so that a core's own cache holds what is transformed.
///
/// Where a group's input fits into it, each thread transforms the input of its groups and multiplies at once. With more
/// channels the weights would be read too often: then all threads transform the input of many tiles, and after that
/// multiply it, in larger groups, chunk by chunk. Weights that come as they are, a thread transforms for its chunk, and
/// no memory but its cache holds them.
typedef struct {
  const ak_winograd *shape;
  const winograd_kernels *kernels;
  winograd_tiles tiles;
  const float *x, *weights, *bias;
  ak_winograd_weights kind;
  bool add, relu;
  float *y;
  /// Whether the threads share the transformed input; so many tiles at most, at once.
  bool shares;
  int64_t shared;
  /// Tiles of a group, and blocks of outputs of a chunk.
  int64_t group, chunk;
  size_t input_plane, product_plane, weight_plane;
  /// The input of the groups that are shared, transformed weights, and the threads' own memory.
  float *input, *transformed, *own;
  int64_t first, count;
} forward_work;

/// Whether each thread transforms the weights of its chunks.
static bool own_weights(const forward_work *work) { return work->shares && work->kind != AK_WINOGRAD_TRANSFORMED; }

static forward_work plan_forward(const ak_winograd *s, ak_winograd_weights kind, int threads) {
  forward_work work = {.shape = s, .kind = kind, .kernels = winograd_kernels_for(s), .tiles = winograd_tiles_of(s)};
  const int64_t rows = work.kernels->rows, b = s->block, blocks = s->outputs / b, tiles = work.tiles.count;
  // Measured with 2 MB: more than a quarter of the cache is slower, whatever is left for the weights.
  const int64_t cache = winograd_cache() / 4;
  work.chunk = winograd_least(blocks, 64 / b);
  int64_t group = cache / (s->inputs + work.chunk * b) / rows * rows;
  work.shares = group < 12 || tiles < 24 * threads;
  if (work.shares) {
    if (kind != AK_WINOGRAD_TRANSFORMED) work.chunk = winograd_least(blocks, 32 / b);
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
  work.weight_plane = weight_plane(s, own_weights(&work) ? work.chunk : blocks);
  return work;
}

/// Floats of the shared input.
static size_t input_floats(const forward_work *work) {
  return work->shares ? (size_t)winograd_ratio(work->shared, work->group) * PRODUCTS * work->input_plane : 0;
}
/// Floats of weights that are transformed before all else.
static size_t transformed_floats(const forward_work *work) {
  return work->shares || work->kind == AK_WINOGRAD_TRANSFORMED ? 0 : PRODUCTS * work->weight_plane;
}
/// Floats of each thread's own memory.
static size_t own_floats(const forward_work *work) {
  const size_t first = own_weights(work) ? work->weight_plane : work->shares ? 0 : work->input_plane;
  return PRODUCTS * (first + work->product_plane);
}

size_t ak_winograd_forward_floats(const ak_winograd *shape, ak_winograd_weights kind) {
  const int threads = ak_threads();
  const forward_work work = plan_forward(shape, kind, threads);
  return input_floats(&work) + transformed_floats(&work) + (size_t)threads * own_floats(&work);
}

/// Computes a tile of a block of the result by the definition: what is not finite is where it would be, and nowhere else.
static void convolve_directly(const forward_work *work, const winograd_place *at, int64_t o) {
  const ak_winograd *s = work->shape;
  const winograd_kernels *k = work->kernels;
  const int64_t b = s->block, inputs = s->inputs / b, outputs = s->outputs / b, wide = o / 2 * 2 + 1 < outputs ? 2 : 1;
  float sums[16 * 16] __attribute__((aligned(64))) = {0}, made[9 * 16 * 16] __attribute__((aligned(64)));
  for (int64_t c = 0; c < inputs; c++) {
    const float *w = made;
    switch (work->kind) {
      case AK_WINOGRAD_PLAIN: w = work->weights + (o * inputs + c) * 9 * b * b; break;
      case AK_WINOGRAD_TURNED: k->turn(work->weights + (c * outputs + o) * 9 * b * b, made); break;
      case AK_WINOGRAD_TRANSFORMED:
        k->plain(
            work->weights + pair_of(s, o) + (c * b * wide + o % 2) * b, work->weight_plane, (size_t)(wide * b), made);
    }
    k->direct(work->x + winograd_input_offset(s, at, c), s->width * b, at->part, w, at->rows, at->columns, sums);
  }
  k->finish(
      sums, work->bias ? work->bias + o * b : NULL, work->add, work->relu, work->y + winograd_result_offset(s, at, o),
      s->result_width * b, at->rows, at->columns);
}

/// Multiplies a group's input by the weights of the blocks from..<to of the result, which it writes.
///
/// - input: the group's.
/// - transformed: the weights, from block `base` on.
/// - m: memory for the products.
static void multiply(
    const forward_work *work, int64_t first, int64_t count, int64_t from, int64_t to, const float *input,
    const float *transformed, int64_t base, float *m) {
  const ak_winograd *s = work->shape;
  const int64_t b = s->block, inputs = s->inputs / b;
  const size_t plane = work->weight_plane;
  const int64_t parts = winograd_ratio(count, work->kernels->rows);
  for (int p = 0; p < PRODUCTS; p++) {
    const float *v = input + p * work->input_plane, *u = transformed + p * plane;
    const bool last = p + 1 == PRODUCTS;
    // Of a shared input the next plane is not in this core's cache yet.
    const float *coming = v + work->input_plane, *end = work->shares && !last ? coming + work->input_plane : coming;
    for (int64_t o = from; o < to; o += 2) {
      const float *pair = u + pair_of(s, o - base);
      const float *next = o + 2 < to ? u + pair_of(s, o + 2 - base) : last ? pair : u + plane + pair_of(s, from - base);
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
  for (int64_t i = 0; i < count; i++) {
    const winograd_place at = winograd_place_of(s, work->tiles, first + i);
    for (int64_t o = from; o < to; o++) {
      const bool is_finite = work->kernels->output(
          m + ((o - from) * work->group + i) * b, work->product_plane, work->bias ? work->bias + o * b : NULL,
          work->add, work->relu, work->y + winograd_result_offset(s, &at, o), s->result_width * b, at.rows, at.columns);
      if (!is_finite) convolve_directly(work, &at, o);
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
      multiply(
          work, begin + first, size, o, winograd_least(o + work->chunk, outputs), v,
          work->kind == AK_WINOGRAD_TRANSFORMED ? work->weights : work->transformed, 0, m);
  }
}

static void transform_shared(void *context, int thread, int threads) {
  const forward_work *work = context;
  const ak_winograd *s = work->shape;
  const int64_t blocks = s->inputs / s->block, groups = winograd_ratio(work->count, work->group);
  const int64_t begin = winograd_share(blocks * groups, thread, threads);
  const int64_t end = winograd_share(blocks * groups, thread + 1, threads);
  for (int64_t i = begin; i < end; i++) {
    const int64_t g = i / blocks, c = i % blocks;
    const int64_t first = winograd_share(work->count, g, groups);
    const int64_t size = winograd_share(work->count, g + 1, groups) - first;
    winograd_inputs(
        s, work->x, work->first + first, size, c, c + 1, work->input + (size_t)g * PRODUCTS * work->input_plane,
        work->input_plane, work->group);
  }
}

static void multiply_shared(void *context, int thread, int threads) {
  const forward_work *work = context;
  const ak_winograd *s = work->shape;
  const int64_t inputs = s->inputs / s->block, outputs = s->outputs / s->block;
  const int64_t chunks = winograd_ratio(outputs, work->chunk), groups = winograd_ratio(work->count, work->group);
  float *own = work->own + (size_t)thread * own_floats(work);
  float *m = own_weights(work) ? own + PRODUCTS * work->weight_plane : own;
  const int64_t begin = winograd_share(chunks * groups, thread, threads);
  const int64_t end = winograd_share(chunks * groups, thread + 1, threads);
  for (int64_t i = begin; i < end; i++) {
    const int64_t from = i / groups * work->chunk, to = winograd_least(from + work->chunk, outputs), g = i % groups;
    const int64_t first = winograd_share(work->count, g, groups);
    const int64_t size = winograd_share(work->count, g + 1, groups) - first;
    if (own_weights(work) && (i == begin || g == 0))
      for (int64_t o = from; o < to; o++)
        for (int64_t c = 0; c < inputs; c++)
          transform_block(
              s, work->weights, work->kind == AK_WINOGRAD_TURNED, c, o, from, own, work->weight_plane);
    multiply(
        work, work->first + first, size, from, to, work->input + (size_t)g * PRODUCTS * work->input_plane,
        own_weights(work) ? own : work->weights, own_weights(work) ? from : 0, m);
  }
}

void ak_winograd_forward(
    const ak_winograd *shape, const float *x, const float *weights, ak_winograd_weights kind, const float *bias,
    bool add, bool relu, float *y, float *scratch) {
  forward_work work = plan_forward(shape, kind, ak_threads());
  work.x = x;
  work.weights = weights;
  work.bias = bias;
  work.add = add;
  work.relu = relu;
  work.y = y;
  work.input = work.transformed = scratch;
  work.own = scratch + input_floats(&work) + transformed_floats(&work);
  if (!work.shares) {
    if (kind != AK_WINOGRAD_TRANSFORMED) {
      weight_work transform = {shape, weights, work.transformed, kind == AK_WINOGRAD_TURNED};
      ak_parallel(transform_weights, &transform);
    }
    ak_parallel(forward_alone, &work);
    return;
  }
  for (; work.first < work.tiles.count; work.first += work.count) {
    work.count = winograd_least(work.shared, work.tiles.count - work.first);
    ak_parallel(transform_shared, &work);
    ak_parallel(multiply_shared, &work);
  }
}
