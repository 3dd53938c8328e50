// Elements moved, or copied in part, in row-major arrays.
#ifndef AVIARY_REARRANGE_H
#define AVIARY_REARRANGE_H

#include <stddef.h>
#include <stdint.h>

/// Writes y of the dimensions given, row-major, from x read with the strides given.
void ak_gather(const float *x, const int64_t *x_strides, float *y, const int64_t *dimensions, int rank);

/// The other way round: writes a row-major y of the dimensions given to the places in x that the strides name.
void ak_scatter(const float *y, float *x, const int64_t *x_strides, const int64_t *dimensions, int rank);

/// The same, adding to what is there.
void ak_scatter_add(const float *y, float *x, const int64_t *x_strides, const int64_t *dimensions, int rank);

/// Copies rows of `columns` floats, which are `x_step` floats apart, to places that are `y_step` floats apart.
void ak_copy_rows(const float *x, size_t x_step, float *y, size_t y_step, size_t rows, size_t columns);

/// Copies rows of `columns` floats to rows of `width` floats, which end in zeros. Writes the sums of the columns too,
/// where `sums` is not null.
void ak_pad_rows(const float *x, size_t rows, size_t columns, float *y, size_t width, float *sums);

/// The sum of each column of rows of `columns` floats.
void ak_sum_columns(const float *x, size_t rows, size_t columns, float *sums);

#endif
