// Pooling over windows of any sizes, in row-major planes of up to three axes.
#ifndef AVIARY_WINDOWS_H
#define AVIARY_WINDOWS_H

#include <stdint.h>

typedef enum ak_pool_kind { AK_POOL_MAX, AK_POOL_MIN, AK_POOL_MEAN } ak_pool_kind;

/// Pools planes of the sizes given into planes of `counts` cells. Cell i of axis a covers the positions starts ..< ends,
/// at least one; the cells of the second axis follow those of the first in both tables, then those of the third. An axis
/// that is not there has size 1 and one cell. A largest or smallest element that is not a number wins.
void ak_window_pool(
    ak_pool_kind kind, const float *x, float *y, int64_t planes, const int64_t sizes[3], const int64_t counts[3],
    const int32_t *starts, const int32_t *ends);

/// The pullback of ak_window_pool: the first element of a window that won receives its gradient, or all receive a share.
void ak_window_pool_backward(
    ak_pool_kind kind, const float *dy, const float *x, float *dx, int64_t planes, const int64_t sizes[3],
    const int64_t counts[3], const int32_t *starts, const int32_t *ends);

#endif
