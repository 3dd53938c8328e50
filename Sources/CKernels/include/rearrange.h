// Elements moved, or copied in part, in row-major arrays.
#ifndef AVIARY_REARRANGE_H
#define AVIARY_REARRANGE_H

#include <stddef.h>
#include <stdint.h>

/// Writes y of the dimensions given, row-major, from x read with the strides given.
void ak_gather(const float *x, const int64_t *x_strides, float *y, const int64_t *dimensions, int rank);

/// The other way round: writes a row-major y of the dimensions given to the places in x that the strides name.
void ak_scatter(const float *y, float *x, const int64_t *x_strides, const int64_t *dimensions, int rank);

#endif
