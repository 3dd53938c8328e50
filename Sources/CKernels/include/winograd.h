// Convolution by a window of 3×3 with stride 1, by Winograd's F(4×4, 3×3): a quarter of the multiplications.
//
// Images lie in blocks of channels, [N, C / block, H, W, block], and weights as
// [O / block, C / block, 3, 3, block inputs, block outputs]. Channels fill their blocks.
//
// What is not finite makes all products of a tile so; such tiles, and gradients of weights, are computed again by the
// definition, so that NaN and infinities are where plain sums have them. Forward passes and gradients of inputs are
// the same, bit for bit, for any number of threads; gradients of weights are for the same number.
#ifndef AVIARY_WINOGRAD_H
#define AVIARY_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The geometry. At the end of an axis the image is padded as far as the result needs.
typedef struct ak_winograd {
  int64_t batch, inputs, outputs;
  int64_t height, width;
  int64_t result_height, result_width;
  /// Padding above and on the left, 0 to 2.
  int64_t top, left;
  int64_t block;
  /// Whether to leave the processor's wider vectors alone; blocks are of 8.
  bool plain;
} ak_winograd;

/// Whether this processor has vectors of so many channels, 8 or 16, and kernels for them that pay.
bool ak_winograd_is_fast(int64_t block);
/// The instruction set of the kernels for blocks of so many channels.
const char *ak_winograd_kernels(int64_t block);

/// What the weights of a forward pass are.
typedef enum ak_winograd_weights {
  AK_WINOGRAD_PLAIN,
  /// The weights of a convolution whose input's gradient is computed: a forward pass of the result's gradient, with
  /// inputs and outputs exchanged and 2 less the padding.
  AK_WINOGRAD_TURNED,
  /// Made by `ak_winograd_transform`.
  AK_WINOGRAD_TRANSFORMED,
} ak_winograd_weights;

/// How many floats the transformed weights have.
size_t ak_winograd_weight_floats(const ak_winograd *shape);
/// Transforms weights that many forward passes have.
void ak_winograd_transform(const ak_winograd *shape, const float *weights, float *transformed);

/// How many floats `ak_winograd_forward` works in, by the calling thread's team.
size_t ak_winograd_forward_floats(const ak_winograd *shape, ak_winograd_weights kind);
/// y = relu?(convolution + bias? + y?)
///
/// - bias: [outputs] or null.
/// - add: whether to add what y holds.
void ak_winograd_forward(
    const ak_winograd *shape, const float *x, const float *weights, ak_winograd_weights kind, const float *bias,
    bool add, bool relu, float *y, float *scratch);

/// How many floats `ak_winograd_backward_weights` works in, by the calling thread's team.
size_t ak_winograd_backward_weights_floats(const ak_winograd *shape);
/// The gradients of the weights, and of the bias where it is not null.
void ak_winograd_backward_weights(
    const ak_winograd *shape, const float *x, const float *result_gradient, float *weights_gradient,
    float *bias_gradient, float *scratch);

#ifdef __cplusplus
}
#endif

#endif
