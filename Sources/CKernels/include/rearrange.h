// Elements moved, copied in part, or pooled over uneven windows, in row-major arrays.
#ifndef AVIARY_REARRANGE_H
#define AVIARY_REARRANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Writes y of the dimensions given, row-major, from x read with the strides given.
void ak_gather(const float *x, const int64_t *x_strides, float *y, const int64_t *dimensions, int rank);

/// Pools planes of rows × columns into planes of out_rows × out_columns: cell i of n covers ⌊i·size/n⌋ ..< ⌈(i+1)·size/n⌉.
void ak_adaptive_pool(
    const float *x, float *y, int64_t planes, int64_t rows, int64_t columns, int64_t out_rows, int64_t out_columns,
    bool maximum);
/// The pullback of ak_adaptive_pool: the first largest element of a window receives its gradient.
void ak_adaptive_pool_backward(
    const float *dy, const float *x, float *dx, int64_t planes, int64_t rows, int64_t columns, int64_t out_rows,
    int64_t out_columns, bool maximum);

#endif
