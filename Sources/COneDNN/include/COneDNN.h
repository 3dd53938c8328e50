// oneDNN behind a small C interface: layouts, plans and their execution. Winograd convolutions of CKernels are plans
// like its own.
//
// A *layout* says how the elements of a tensor lie in memory (oneDNN's memory descriptor). Layouts are interned: equal
// layouts have equal identifiers, which are small integers that live as long as the program.
//
// A *plan* is a primitive made ready for one request: geometry, layouts, fused operations. Plans are cached by request
// and live as long as the program. Layouts may be asked for on any thread; plans are made and run on Aviary's compute
// thread only.
//
// Written against oneDNN 2.6; compiles against 3.x.
#ifndef AVIARY_CONEDNN_H
#define AVIARY_CONEDNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AD_MAX_RANK 12
#define AD_NONE (-1)

typedef int32_t ad_layout;

/// Row-major elements; a scalar, of rank 0, is laid out like a vector of one element.
ad_layout ad_layout_plain(const int64_t *dimensions, int rank);
/// "Whatever the primitive likes": to be used in requests only.
ad_layout ad_layout_any(const int64_t *dimensions, int rank);
/// What an element is. Layouts that are not told are of floats.
typedef enum ad_type { AD_FLOAT, AD_INT8, AD_UINT8, AD_BFLOAT16 } ad_type;
ad_layout ad_layout_plain_of_type(const int64_t *dimensions, int rank, ad_type type);
ad_layout ad_layout_any_of_type(const int64_t *dimensions, int rank, ad_type type);
/// The channels of a position one after another: [N, C, ...] in memory as [N, ..., C].
ad_layout ad_layout_channels_last(const int64_t *dimensions, int rank, ad_type type);
/// Floats in blocks of 8 or 16 channels: [N, C, ...] in memory as [N, C / block, ..., block].
ad_layout ad_layout_blocked(const int64_t *dimensions, int rank, int block);
/// Weights [O, C, H, W] in memory as [O / block, C / block, H, W, block inputs, block outputs], in blocks of 16 with AVX-512
/// and else of 8.
ad_layout ad_layout_blocked_weights(const int64_t *dimensions, int rank);
/// Floats in the order of a layout of other numbers, or in row-major order where those lie in blocks.
ad_layout ad_layout_floats_of(ad_layout layout);
/// The row-major layout of the same dimensions, in floats.
ad_layout ad_layout_plain_of(ad_layout layout);
size_t ad_layout_bytes(ad_layout layout);
bool ad_layout_is_plain(ad_layout layout);
bool ad_layout_is_of_bfloat16(ad_layout layout);
/// Whether some bytes of the layout belong to no element.
bool ad_layout_is_padded(ad_layout layout);
/// How many channels of [N, C, …] lie side by side at each position where the layout is blocked by channels and by
/// nothing else: [N, C / block, …, block]. 0 for all other layouts.
int ad_layout_channel_block(ad_layout layout);
/// Writes the sizes of the axes and returns their number, which is at least one.
int ad_layout_dimensions(ad_layout layout, int64_t dimensions[AD_MAX_RANK]);

typedef enum ad_kind {
  AD_CONVOLUTION_FORWARD,
  AD_CONVOLUTION_BACKWARD_DATA,
  AD_CONVOLUTION_BACKWARD_WEIGHTS,
  AD_LINEAR_FORWARD,
  AD_LINEAR_BACKWARD_DATA,
  AD_LINEAR_BACKWARD_WEIGHTS,
  AD_BATCH_NORM_FORWARD, // by a mean and a variance that it is given
  AD_BATCH_NORM_BACKWARD,
  AD_MAX_POOL_FORWARD,
  AD_MAX_POOL_BACKWARD,
  AD_AVERAGE_POOL_FORWARD,
  AD_AVERAGE_POOL_BACKWARD,
  AD_REORDER,
  AD_CONCATENATE,
  AD_MATRIX_PRODUCT,
} ad_kind;

typedef enum ad_flag {
  AD_TRAINING = 1,        // the result will be differentiated
  // Convolution by the Winograd kernels of CKernels. In inference the weights are transformed already, which a reorder with
  // this flag does.
  AD_WINOGRAD = 2,
  AD_RELU = 4,            // relu at the end
  AD_ADD = 8,             // added to what the destination holds, before the relu
  AD_INCLUDE_PADDING = 16, // average pooling counts the padding
  AD_TRANSPOSE_SOURCE = 32, // a matrix product takes the last two axes of the source the other way round
  AD_TRANSPOSE_WEIGHTS = 64, // the same for the second factor
  AD_BY_MATRIX_PRODUCT = 128, // a linear map as a product of row-major matrices
  AD_RELU6 = 256,         // the result limited to 0...6
  AD_SILU = 512,          // x / (1 + exp(-x)) of the result
  AD_HARD_SWISH = 1024    // x * min(max(x + 3, 0), 6) / 6 of the result
} ad_flag;

#define AD_MAX_PARTS 8

/// What a plan is made for. Unused fields are zero, unused layouts AD_NONE; requests are compared byte by byte.
typedef struct ad_request {
  int32_t kind;
  int32_t flags;
  ad_layout source;      // of the forward pass, or its gradient
  ad_layout weights;     // or their gradient
  ad_layout bias;        // or its gradient
  ad_layout destination; // of the forward pass, or its gradient
  int32_t strides[3];
  int32_t dilations[3];
  int32_t padding_low[3];
  int32_t padding_high[3];
  int32_t kernel[3];
  int32_t axis;
  float epsilon;
  int32_t threads;
  ad_layout parts[AD_MAX_PARTS]; // sources of a concatenation
} ad_request;

/// A primitive made ready. Layouts that a request left open are decided here.
typedef struct ad_plan {
  ad_layout source;
  ad_layout weights;
  ad_layout bias;
  ad_layout destination;
  size_t workspace_bytes;
  size_t scratchpad_bytes;
  /// oneDNN's name of the implementation.
  const char *implementation;
  void *internals;
} ad_plan;

/// The plan for a request, from the cache or new; null where oneDNN has none, with the reason in `ad_last_error`.
const ad_plan *ad_plan_for(const ad_request *request);

/// What the integers of a quantised operation stand for: number = scale * integer. Where an operand is of floats its scale
/// is 1.
typedef struct ad_scales {
  float source;
  float destination;
  /// Of what the destination holds before, where that is added (AD_ADD), and of which type it is: one as wide as the
  /// destination's.
  float addend;
  ad_type addend_type;
  /// One for each output channel, and the bias, a number for each; `channels` is 0 for a reorder, which has neither.
  int32_t channels;
  const float *weights;
  const float *bias;
} ad_scales;

/// A plan for a convolution or linear map of 8-bit integers, or for a reorder from or to them, with the scales built in.
/// The request has no bias. It is the caller's, who gives it back; null where oneDNN has none.
ad_plan *ad_make_quantized(const ad_request *request, const ad_scales *scales);
void ad_free_quantized(ad_plan *plan);
/// Whether the processor and this oneDNN multiply 8-bit integers exactly and faster than floats.
bool ad_has_int8(void);
/// Whether the processor and this oneDNN have instructions for products of bfloat16.
bool ad_has_bfloat16(void);

/// The memory that a plan works on. What a plan does not use is null.
typedef struct ad_buffers {
  void *source, *weights, *bias, *destination;
  void *source_gradient, *weights_gradient, *bias_gradient, *destination_gradient;
  void *mean, *variance, *scale, *shift, *scale_gradient, *shift_gradient;
  void *workspace, *scratchpad;
  void *parts[AD_MAX_PARTS];
} ad_buffers;

/// Runs a plan; false with the reason in `ad_last_error` where oneDNN refuses.
bool ad_execute(const ad_plan *plan, const ad_buffers *buffers);

const char *ad_last_error(void);
/// oneDNN's version, as major * 10000 + minor * 100 + patch.
int ad_version(void);
/// Whether the processor and this oneDNN have the AVX-512 kernels.
bool ad_has_avx512(void);

#ifdef __cplusplus
}
#endif

#endif
