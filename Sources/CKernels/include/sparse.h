// Products of sparse matrices in compressed rows (CSR) with dense ones, and reductions over groups of rows.
#ifndef AVIARY_SPARSE_H
#define AVIARY_SPARSE_H

#include <stddef.h>
#include <stdint.h>

/// A sparse matrix: the elements of row r are those from offsets[r] to offsets[r + 1].
typedef struct ak_csr {
  /// rows + 1 of them, from 0, never falling.
  const ptrdiff_t *offsets;
  const int32_t *columns;
  const float *values;
  size_t rows;
} ak_csr;

/// y = a·x: a row-major x with `width` columns, and as many rows as `a` has columns. Rows are shared out among the
/// threads by their elements; the sums of a row have one order, however many threads there are.
void ak_csr_multiply(ak_csr a, const float *x, float *y, size_t width);

/// y[i] = x[order[i]]
void ak_permute(const float *x, const int32_t *order, float *y, size_t count);

/// y[g, j] = the largest x[r, j] of the rows r of group g, and winners[g, j] = the first row that has it; 0 and −1 for
/// a group without rows. The group of each row is in 0 ..< group_count.
void ak_group_max(
    const float *x, const int32_t *groups, float *y, int32_t *winners, size_t rows, size_t width, size_t group_count);

/// dx[winners[g, j], j] = dy[g, j], else 0: the pullback of ak_group_max.
void ak_group_max_backward(
    const float *dy, const int32_t *winners, float *dx, size_t rows, size_t width, size_t group_count);

#endif
