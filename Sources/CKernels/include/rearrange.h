// Elements moved, or copied in part, in row-major arrays.
#ifndef AVIARY_REARRANGE_H
#define AVIARY_REARRANGE_H

#include <stddef.h>
#include <stdint.h>

/// Writes y of the dimensions given, row-major, from x read with the strides given.
void ak_gather(const float *x, const int64_t *x_strides, float *y, const int64_t *dimensions, int rank);

#endif
