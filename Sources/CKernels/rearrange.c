#include "rearrange.h"

#include "elementwise.h"

#include <string.h>

void ak_gather(const float *x, const int64_t *x_strides, float *y, const int64_t *dimensions, int rank) {
  if (rank == 0) {
    y[0] = x[0];
    return;
  }
  int64_t index[AK_MAX_RANK] = {0};
  int64_t inner = dimensions[rank - 1], step = x_strides[rank - 1];
  for (;;) {
    int64_t at = 0;
    for (int d = 0; d < rank - 1; d++) at += index[d] * x_strides[d];
    if (step == 1) memcpy(y, x + at, (size_t)inner * sizeof(float));
    else
      for (int64_t i = 0; i < inner; i++) y[i] = x[at + i * step];
    y += inner;
    int d = rank - 2;
    while (d >= 0 && ++index[d] == dimensions[d]) index[d--] = 0;
    if (d < 0) return;
  }
}

void ak_scatter(const float *y, float *x, const int64_t *x_strides, const int64_t *dimensions, int rank) {
  if (rank == 0) {
    x[0] = y[0];
    return;
  }
  int64_t index[AK_MAX_RANK] = {0};
  int64_t inner = dimensions[rank - 1], step = x_strides[rank - 1];
  for (;;) {
    int64_t at = 0;
    for (int d = 0; d < rank - 1; d++) at += index[d] * x_strides[d];
    if (step == 1) memcpy(x + at, y, (size_t)inner * sizeof(float));
    else
      for (int64_t i = 0; i < inner; i++) x[at + i * step] = y[i];
    y += inner;
    int d = rank - 2;
    while (d >= 0 && ++index[d] == dimensions[d]) index[d--] = 0;
    if (d < 0) return;
  }
}
