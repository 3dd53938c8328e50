// The gates of recurrent networks: what one step does beside its matrix products.
#ifndef AVIARY_RECURRENT_H
#define AVIARY_RECURRENT_H

#include <stddef.h>
#include <stdint.h>

typedef enum ak_recurrent_kind { AK_RNN_TANH, AK_RNN_RELU, AK_LSTM, AK_GRU } ak_recurrent_kind;

/// The rows of one step. Gates lie beside each other in a row of gates · width: LSTM i, f, g, o; GRU r, z, n. A sequence
/// that has ended, `step >= lengths[row]`, keeps its state and puts out zeros; without lengths none has.
typedef struct ak_recurrent_rows {
  ak_recurrent_kind kind;
  size_t rows, width;
  int64_t step;
  const int32_t *lengths;
} ak_recurrent_rows;

/// One step forward. No two of the arrays overlap.
typedef struct ak_recurrent_forward_step {
  ak_recurrent_rows at;
  /// [rows, gates · width]: the product with the input, which becomes the activated gates.
  float *gates;
  /// [rows, gates · width]: the product with the state.
  const float *product;
  /// [rows, width]: the states before the step and after it; cells in an LSTM only.
  const float *hidden, *cell;
  float *next_hidden, *next_cell;
  /// [rows, width]: a GRU's part of `product` that the reset gate scales, for the backward step; may be null.
  float *candidate;
  /// [rows, width]
  float *output;
} ak_recurrent_forward_step;

void ak_recurrent_forward(const ak_recurrent_forward_step *step);

/// One step backward. No two of the arrays overlap.
typedef struct ak_recurrent_backward_step {
  ak_recurrent_rows at;
  /// [rows, gates · width]: the activated gates, which become the gradients of the sums that went into them.
  float *gates;
  /// [rows, gates · width]: in a GRU, the gradient of the product with the state; elsewhere that is what `gates` holds.
  float *product_gradient;
  const float *candidate;
  /// [rows, width]: the states before the step, and the cells after it.
  const float *hidden, *cell, *next_cell;
  /// [rows, width]: the gradient of the output.
  const float *output_gradient;
  /// [rows, width]: the gradient that reached the state after the step through the product of the step that followed.
  const float *hidden_gradient;
  /// [rows, width]: the gradient that reached it otherwise, which becomes that of the state before the step.
  float *direct_gradient;
  /// [rows, width]: the gradient of the cells after the step, which becomes that of those before it.
  float *cell_gradient;
} ak_recurrent_backward_step;

void ak_recurrent_backward(const ak_recurrent_backward_step *step);

/// 1 / (1 + e⁻ˣ) and tanh x within a few units of the last place, in vectors.
void ak_recurrent_sigmoid(const float *x, float *y, size_t count);
void ak_recurrent_tanh(const float *x, float *y, size_t count);

#endif
