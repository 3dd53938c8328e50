// After Milakov & Gimelshein, "Online normalizer calculation for softmax", 2018 (arXiv:1805.02867), and Dao, "FlashAttention-2",
// 2023 (arXiv:2307.08691): of the weights there is one tile at a time, and the pullback computes them again.
#include "attention.h"

#include "multiversion.h"
#include "parallel.h"
#include "vector_math.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A tile of weights: as many rows share the keys that were transposed for it.
#define ROWS 96
#define COLUMNS 64
// What a product keeps in registers: with AVX2 twelve of sixteen.
#define LANES 16
#define AT_ONCE 6

typedef float lanes __attribute__((vector_size(4 * LANES)));

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// Vectors go by their addresses: as parameters their place would depend on the instruction set.
VM_INLINE void load(lanes *y, const float *x, size_t count) {
  if (count == LANES) {
    memcpy(y, x, sizeof *y);
    return;
  }
  memset(y, 0, sizeof *y);
  memcpy(y, x, count * sizeof(float));
}

VM_INLINE void store(float *x, const lanes *y, size_t count) {
  if (count == LANES) memcpy(x, y, sizeof *y);
  else memcpy(x, y, count * sizeof(float));
}

/// A matrix whose element (i, k) is x[i · row + k · step].
typedef struct matrix {
  const float *x;
  size_t row, step;
} matrix;

VM_INLINE void few_rows(
    int rows, size_t depth, matrix a, const float *b, size_t b_row, float *c, size_t c_row, size_t count) {
  lanes sums[AT_ONCE];
  for (int i = 0; i < rows; i++) load(&sums[i], c + (size_t)i * c_row, count);
  for (size_t k = 0; k < depth; k++) {
    lanes y;
    load(&y, b + k * b_row, count);
    for (int i = 0; i < rows; i++) sums[i] += a.x[(size_t)i * a.row + k * a.step] * y;
  }
  for (int i = 0; i < rows; i++) store(c + (size_t)i * c_row, &sums[i], count);
}

/// c += a·b, with a of [rows, depth] and b of [depth, columns], whose rows lie in one piece.
VM_INLINE void add_product(
    size_t rows, size_t depth, size_t columns, matrix a, const float *b, size_t b_row, float *c, size_t c_row) {
  for (size_t j = 0; j < columns; j += LANES) {
    const size_t count = smaller(LANES, columns - j);
    size_t i = 0;
    for (; i + AT_ONCE <= rows; i += AT_ONCE) {
      const matrix part = {a.x + i * a.row, a.row, a.step};
      if (count == LANES) few_rows(AT_ONCE, depth, part, b + j, b_row, c + i * c_row + j, c_row, LANES);
      else few_rows(AT_ONCE, depth, part, b + j, b_row, c + i * c_row + j, c_row, count);
    }
    for (; i < rows; i++) {
      const matrix part = {a.x + i * a.row, a.row, a.step};
      few_rows(1, depth, part, b + j, b_row, c + i * c_row + j, c_row, count);
    }
  }
}

/// The first `count` rows of x as the columns of a tile; the other columns are zero.
VM_INLINE void transpose(const float *x, size_t count, size_t width, float *tile) {
  for (size_t e = 0; e < width; e++, tile += COLUMNS) {
    for (size_t c = 0; c < count; c++) tile[c] = x[c * width + e];
    for (size_t c = count; c < COLUMNS; c++) tile[c] = 0;
  }
}

typedef struct work {
  const ak_attention *shape;
  const float *q, *k, *v, *dy;
  float *y, *log_sums, *dq, *dk, *dv;
  /// Of the pullback: the sums of dy·y, one a row.
  float *deltas;
  size_t row_blocks, column_blocks, jobs;
  void (*job)(const struct work *w, size_t job, float *scratch);
} work;

static size_t blocks(size_t count, size_t size) { return (count + size - 1) / size; }

/// A block of consecutive rows or columns.
typedef struct range {
  size_t start, count;
} range;

static range block(size_t number, size_t size, size_t total) {
  return (range){number * size, smaller(size, total - number * size)};
}

/// How many columns of a block a row sees.
VM_INLINE size_t seen(const ak_attention *s, size_t row, range columns) {
  if (!s->causal) return columns.count;
  return row >= columns.start ? smaller(columns.count, row + 1 - columns.start) : 0;
}

/// The scaled and masked products of a block of rows with a tile of columns, [rows, COLUMNS]; −∞ where a row does not see a
/// column.
VM_INLINE void scores(
    const ak_attention *s, size_t batch, range rows, range columns, const float *q, const float *keys, float *tile) {
  memset(tile, 0, rows.count * COLUMNS * sizeof(float));
  add_product(
      rows.count, s->width, COLUMNS, (matrix){q + rows.start * s->width, s->width, 1}, keys, COLUMNS, tile, COLUMNS);
  for (size_t r = 0; r < rows.count; r++) {
    float *x = tile + r * COLUMNS;
    for (size_t c = 0; c < COLUMNS; c++) x[c] *= s->scale;
    if (s->mask) {
      const float *mask = s->mask + s->mask_offsets[batch] + (rows.start + r) * s->mask_row + columns.start * s->mask_column;
      if (s->mask_column == 1)
        for (size_t c = 0; c < columns.count; c++) x[c] += mask[c];
      else
        for (size_t c = 0; c < columns.count; c++) x[c] += mask[c * s->mask_column];
    }
    for (size_t c = seen(s, rows.start + r, columns); c < COLUMNS; c++) x[c] = -INFINITY;
  }
}

/// How many blocks of columns the rows see.
static size_t seen_blocks(const work *w, range rows) {
  const size_t seen =
      w->shape->causal ? smaller(w->shape->columns, rows.start + rows.count) : w->shape->columns;
  return blocks(seen, COLUMNS);
}

// MARK: - Forward

AVIARY_MULTIVERSION static void forward_job(const work *w, size_t job, float *scratch) {
  const ak_attention *s = w->shape;
  const size_t batch = job / w->row_blocks, values = s->value_width;
  const range rows = block(job % w->row_blocks, ROWS, s->rows);
  const float *q = w->q + batch * s->rows * s->width, *k = w->k + batch * s->columns * s->width;
  const float *v = w->v + batch * s->columns * values;
  float *y = w->y + (batch * s->rows + rows.start) * values;
  float *tile = scratch, *keys = scratch + ROWS * COLUMNS;
  float largest[ROWS], sums[ROWS];
  memset(y, 0, rows.count * values * sizeof(float));
  for (size_t r = 0; r < rows.count; r++) {
    largest[r] = -INFINITY;
    sums[r] = 0;
  }
  for (size_t j = 0, end = seen_blocks(w, rows); j < end; j++) {
    const range columns = block(j, COLUMNS, s->columns);
    transpose(k + columns.start * s->width, columns.count, s->width, keys);
    scores(s, batch, rows, columns, q, keys, tile);
    for (size_t r = 0; r < rows.count; r++) {
      float *x = tile + r * COLUMNS;
      float most[LANES], parts[LANES];
      for (size_t l = 0; l < LANES; l++) most[l] = x[l];
      for (size_t c = LANES; c < COLUMNS; c += LANES)
        for (size_t l = 0; l < LANES; l++) most[l] = x[c + l] > most[l] ? x[c + l] : most[l];
      float high = largest[r];
      for (size_t l = 0; l < LANES; l++) high = most[l] > high ? most[l] : high;
      // Nothing seen so far: every exponential below is zero.
      const float base = high == -INFINITY ? 0 : high;
      const float before = largest[r] == -INFINITY ? 1 : vm_exp(largest[r] - base);
      largest[r] = high;
      for (size_t l = 0; l < LANES; l++) parts[l] = 0;
      for (size_t c = 0; c < COLUMNS; c += LANES)
        for (size_t l = 0; l < LANES; l++) {
          x[c + l] = vm_exp(x[c + l] - base);
          parts[l] += x[c + l];
        }
      float sum = 0;
      for (size_t l = 0; l < LANES; l++) sum += parts[l];
      sums[r] = sums[r] * before + sum;
      if (before != 1)
        for (size_t e = 0; e < values; e++) y[r * values + e] *= before;
    }
    add_product(
        rows.count, columns.count, values, (matrix){tile, COLUMNS, 1}, v + columns.start * values, values, y, values);
  }
  for (size_t r = 0; r < rows.count; r++) {
    const int sees_nothing = sums[r] == 0;
    w->log_sums[batch * s->rows + rows.start + r] = sees_nothing ? INFINITY : largest[r] + vm_log(sums[r]);
    const float factor = sees_nothing ? 0 : 1 / sums[r];
    for (size_t e = 0; e < values; e++) y[r * values + e] *= factor;
  }
}

// MARK: - Pullback

/// What the rows of some blocks contribute to the gradients through the columns of some others.
VM_INLINE void pull_back(
    const work *w, size_t batch, range row_blocks, range column_blocks, int to_queries, int to_keys, float *scratch) {
  const ak_attention *s = w->shape;
  const size_t width = s->width, values = s->value_width;
  const float *q = w->q + batch * s->rows * width, *k = w->k + batch * s->columns * width;
  const float *v = w->v + batch * s->columns * values, *dy = w->dy + batch * s->rows * values;
  float *weights = scratch, *slopes = weights + ROWS * COLUMNS, *keys = slopes + ROWS * COLUMNS;
  float *transposed_values = keys + COLUMNS * width;
  if (to_queries) {
    const size_t start = row_blocks.start * ROWS, end = smaller(s->rows, (row_blocks.start + row_blocks.count) * ROWS);
    memset(w->dq + (batch * s->rows + start) * width, 0, (end - start) * width * sizeof(float));
  }
  for (size_t j = column_blocks.start; j < column_blocks.start + column_blocks.count; j++) {
    const range columns = block(j, COLUMNS, s->columns);
    transpose(k + columns.start * width, columns.count, width, keys);
    transpose(v + columns.start * values, columns.count, values, transposed_values);
    float *dk = NULL, *dv = NULL;
    if (to_keys) {
      dk = w->dk + (batch * s->columns + columns.start) * width;
      dv = w->dv + (batch * s->columns + columns.start) * values;
      memset(dk, 0, columns.count * width * sizeof(float));
      memset(dv, 0, columns.count * values * sizeof(float));
    }
    for (size_t i = row_blocks.start; i < row_blocks.start + row_blocks.count; i++) {
      const range rows = block(i, ROWS, s->rows);
      if (s->causal && columns.start >= rows.start + rows.count) continue;
      const size_t first = batch * s->rows + rows.start;
      scores(s, batch, rows, columns, q, keys, weights);
      memset(slopes, 0, rows.count * COLUMNS * sizeof(float));
      add_product(
          rows.count, values, COLUMNS, (matrix){dy + rows.start * values, values, 1}, transposed_values, COLUMNS,
          slopes, COLUMNS);
      for (size_t r = 0; r < rows.count; r++) {
        float *p = weights + r * COLUMNS, *d = slopes + r * COLUMNS;
        const float log_sum = w->log_sums[first + r], delta = w->deltas[first + r];
        for (size_t c = 0; c < COLUMNS; c++) p[c] = vm_exp(p[c] - log_sum);
        // Where a row sees nothing the weight is zero already, unless the sum is not finite.
        for (size_t c = seen(s, rows.start + r, columns); c < COLUMNS; c++) p[c] = 0;
        for (size_t c = 0; c < COLUMNS; c++) d[c] = p[c] * (d[c] - delta) * s->scale;
      }
      if (to_queries)
        add_product(
            rows.count, columns.count, width, (matrix){slopes, COLUMNS, 1}, k + columns.start * width, width,
            w->dq + first * width, width);
      if (to_keys) {
        add_product(
            columns.count, rows.count, width, (matrix){slopes, 1, COLUMNS}, q + rows.start * width, width, dk, width);
        add_product(
            columns.count, rows.count, values, (matrix){weights, 1, COLUMNS}, dy + rows.start * values, values, dv,
            values);
      }
    }
  }
}

/// All gradients of a whole attention.
AVIARY_MULTIVERSION static void whole_job(const work *w, size_t job, float *scratch) {
  pull_back(
      w, job, (range){0, w->row_blocks}, (range){0, w->column_blocks}, w->dq != NULL, w->dk != NULL, scratch);
}

/// The gradient of the queries of a block of rows.
AVIARY_MULTIVERSION static void rows_job(const work *w, size_t job, float *scratch) {
  const size_t number = job % w->row_blocks;
  pull_back(
      w, job / w->row_blocks, (range){number, 1}, (range){0, w->column_blocks}, 1, 0, scratch);
}

/// The gradients of the keys and values of a block of columns.
AVIARY_MULTIVERSION static void columns_job(const work *w, size_t job, float *scratch) {
  pull_back(
      w, job / w->column_blocks, (range){0, w->row_blocks}, (range){job % w->column_blocks, 1}, 0, 1, scratch);
}

AVIARY_MULTIVERSION static void deltas_job(const work *w, size_t batch, float *scratch) {
  const size_t values = w->shape->value_width;
  (void)scratch;
  for (size_t row = batch * w->shape->rows; row < (batch + 1) * w->shape->rows; row++) {
    float sum = 0;
    for (size_t e = 0; e < values; e++) sum += w->dy[row * values + e] * w->y[row * values + e];
    w->deltas[row] = sum;
  }
}

// MARK: - Work for threads

static float *allocated(size_t floats) {
  float *memory = malloc(floats * sizeof(float));
  if (!memory) {
    fprintf(stderr, "aviary: out of memory\n");
    exit(1);
  }
  return memory;
}

static void on_thread(void *context, int thread, int threads) {
  const work *w = context;
  if ((size_t)thread >= w->jobs) return;
  float *scratch = allocated(2 * ROWS * COLUMNS + COLUMNS * (w->shape->width + w->shape->value_width));
  // In turns: with a causal mask the later blocks have more to do.
  for (size_t job = (size_t)thread; job < w->jobs; job += (size_t)threads) w->job(w, job, scratch);
  free(scratch);
}

static void run(work *w, size_t jobs, void (*job)(const work *w, size_t job, float *scratch)) {
  const ak_attention *s = w->shape;
  w->jobs = jobs;
  w->job = job;
  // To wake the other threads takes as long as this.
  if (s->batch * s->rows * s->columns * (s->width + s->value_width) < 1 << 16) on_thread(w, 0, 1);
  else ak_parallel(on_thread, w);
}

static work made(const ak_attention *shape, const float *q, const float *k, const float *v) {
  return (work){
      .shape = shape, .q = q, .k = k, .v = v, .row_blocks = blocks(shape->rows, ROWS),
      .column_blocks = blocks(shape->columns, COLUMNS)};
}

void ak_attention_forward(
    const ak_attention *shape, const float *q, const float *k, const float *v, float *y, float *log_sums) {
  work w = made(shape, q, k, v);
  w.y = y;
  w.log_sums = log_sums;
  run(&w, shape->batch * w.row_blocks, forward_job);
}

void ak_attention_backward(
    const ak_attention *shape, const float *q, const float *k, const float *v, const float *y, const float *log_sums,
    const float *dy, float *dq, float *dk, float *dv) {
  work w = made(shape, q, k, v);
  w.y = (float *)y;
  w.log_sums = (float *)log_sums;
  w.dy = dy;
  w.dq = dq;
  w.dk = dk;
  w.dv = dv;
  w.deltas = allocated(shape->batch * shape->rows);
  run(&w, shape->batch, deltas_job);
  // One attention for each thread computes the weights once; too few of them are cut into blocks, and do so twice.
  if (shape->batch >= 2 * (size_t)ak_threads()) {
    run(&w, shape->batch, whole_job);
  } else {
    if (dq) run(&w, shape->batch * w.row_blocks, rows_job);
    if (dk) run(&w, shape->batch * w.column_blocks, columns_job);
  }
  free(w.deltas);
}
