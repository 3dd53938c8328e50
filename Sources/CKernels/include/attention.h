// Scaled dot-product attention without the matrix of weights in memory: softmax(q·kᵀ·scale + mask)·v, tile by tile.
#ifndef AVIARY_ATTENTION_H
#define AVIARY_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

/// `batch` independent attentions: queries [rows, width], keys [columns, width], values [columns, value_width], all
/// row-major and one after the other.
typedef struct ak_attention {
  size_t batch, rows, columns, width, value_width;
  float scale;
  /// Whether row i sees the columns 0...i alone.
  int causal;
  /// Added to the scaled products; null for none. Element (i, j) of batch b is mask[mask_offsets[b] + i · mask_row +
  /// j · mask_column].
  const float *mask;
  const int64_t *mask_offsets;
  size_t mask_row, mask_column;
} ak_attention;

/// y: [batch, rows, value_width]; log_sums: [batch, rows], the logarithms of the sums of exponentials, for the pullback. A row
/// that sees nothing is zero. Results are the same for any number of threads.
void ak_attention_forward(
    const ak_attention *shape, const float *q, const float *k, const float *v, float *y, float *log_sums);

/// The pullback. Of `dq`, and of both `dk` and `dv`, any may be null.
void ak_attention_backward(
    const ak_attention *shape, const float *q, const float *k, const float *v, const float *y, const float *log_sums,
    const float *dy, float *dq, float *dk, float *dv);

#endif
