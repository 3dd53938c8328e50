// What the parts of Winograd's convolution share. Transformed data lie in 36 planes, one for each product of a tile.
#ifndef AVIARY_WINOGRAD_INTERNAL_H
#define AVIARY_WINOGRAD_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "winograd.h"

#define PRODUCTS 36

/// The rows and columns of a tile of 6×6 that lie in the image; the rest is padding.
typedef struct winograd_part {
  int top, bottom, left, right;
} winograd_part;

/// Kernels of one instruction set. A block is `width` channels; `plane` is how many floats lie between two planes.
typedef struct winograd_kernels {
  int width;
  /// The most rows of a product at once.
  int rows;
  /// Transforms a tile of a block of the image, whose rows are `row` floats apart.
  void (*input)(const float *x, ptrdiff_t row, winograd_part part, float *v, size_t plane);
  /// Transforms the products of a tile back to rows × columns of the result (up to 4×4). Where a product is not finite,
  /// which would make all of the tile not numbers, writes nothing and returns false.
  bool (*output)(
      const float *m, size_t plane, const float *bias, bool add, bool relu, float *y, ptrdiff_t row, int rows,
      int columns);
  /// Transforms a tile of the result's gradient, and adds its elements to `sum`.
  void (*gradient)(const float *y, ptrdiff_t row, int rows, int columns, float *v, size_t plane, float *sum);
  /// Transforms [9][width inputs][width outputs]; the results of an input are `step` floats after those of the one
  /// before.
  void (*weights)(const float *w, float *u, size_t plane, size_t step);
  /// The same for the gradient of the input: the kernel turned around, inputs and outputs exchanged.
  void (*turned)(const float *w, float *u, size_t plane, size_t step);
  /// The transpose of `weights`: writes or adds the gradient of [9][width inputs][width outputs], and returns whether all
  /// that is there now is finite.
  bool (*weight_gradient)(const float *u, size_t plane, size_t step, float *w, bool add);
  /// c = a·b for up to `rows` tiles and `wide` (1 or 2) blocks of outputs: a is [blocks][… a_block][tiles][width], b
  /// is [blocks · width][wide · width], c is [wide][… c_column][tiles][width]. Reads as much from `ahead` on into the
  /// cache as b has.
  void (*product)(
      int rows, int wide, const float *a, size_t a_block, const float *b, size_t blocks, float *c, size_t c_column,
      const float *ahead);
  /// c = aᵗ·b or c += aᵗ·b: a is [terms][width], b is [terms][wide · width], c is [width][wide · width].
  void (*outer_product)(
      int wide, const float *a, const float *b, size_t terms, float *c, bool accumulate, const float *ahead);

  // The same by the definition, for what is not finite.

  /// Adds to `sums`, [4][4][width], rows × columns of the convolution of a tile of a block of the image by weights
  /// [9][width inputs][width outputs].
  void (*direct)(
      const float *x, ptrdiff_t row, winograd_part part, const float *w, int rows, int columns, float *sums);
  /// Makes rows × columns of the result of their sums.
  void (*finish)(
      const float *sums, const float *bias, bool add, bool relu, float *y, ptrdiff_t row, int rows, int columns);
  /// Adds what a tile of the result's gradient gives to the gradient of [9][width inputs][width outputs].
  void (*direct_gradient)(
      const float *x, ptrdiff_t row, winograd_part part, const float *dy, ptrdiff_t dy_row, int rows, int columns,
      float *w);
  /// Turns a kernel around and exchanges inputs and outputs.
  void (*turn)(const float *w, float *turned);
  /// The weights that `weights` has transformed, but for rounding.
  void (*plain)(const float *u, size_t plane, size_t step, float *w);
} winograd_kernels;

#if defined(__x86_64__)
extern const winograd_kernels winograd_avx512_kernels, winograd_avx2_kernels;
#endif
extern const winograd_kernels winograd_portable_kernels;

/// Those for a geometry; null where the processor has none.
const winograd_kernels *winograd_kernels_for(const ak_winograd *shape);

/// Tiles along the axes, and of all images.
typedef struct winograd_tiles {
  int64_t down, across, count;
} winograd_tiles;

winograd_tiles winograd_tiles_of(const ak_winograd *shape);

/// Where a tile lies.
typedef struct winograd_place {
  int64_t image;
  /// Of its first element in the result. In the image, where it may lie in the padding, the first element of its 6×6 is as
  /// much farther up and left as the padding is wide.
  int64_t row, column;
  winograd_part part;
  /// The rows and columns of its 4×4 that the result has.
  int rows, columns;
} winograd_place;

winograd_place winograd_place_of(const ak_winograd *shape, winograd_tiles tiles, int64_t tile);
/// Where its 6×6 of a block of inputs begin in the image, and its 4×4 of a block of outputs in the result.
ptrdiff_t winograd_input_offset(const ak_winograd *shape, const winograd_place *place, int64_t block);
ptrdiff_t winograd_result_offset(const ak_winograd *shape, const winograd_place *place, int64_t block);

static inline int64_t winograd_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t winograd_most(int64_t a, int64_t b) { return a > b ? a : b; }
/// a / b, rounded up.
static inline int64_t winograd_ratio(int64_t a, int64_t b) { return (a + b - 1) / b; }
/// The first of `count` that belongs to part `index` of `parts`.
static inline int64_t winograd_share(int64_t count, int64_t index, int64_t parts) { return count * index / parts; }
/// Planes whose distance is no multiple of a page do not fall into the same few lines of a cache.
static inline size_t winograd_plane(int64_t floats) { return ((size_t)floats + 15) / 16 * 16 + 16; }

/// How many floats of each of the 36 planes a core's own cache holds.
int64_t winograd_cache(void);

/// Transforms tiles first..<first + count of the blocks from..<to of the image; `length` tiles lie in a block of v.
void winograd_inputs(
    const ak_winograd *shape, const float *x, int64_t first, int64_t count, int64_t from, int64_t to, float *v,
    size_t plane, int64_t length);

#endif
