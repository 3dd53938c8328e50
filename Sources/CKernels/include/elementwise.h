// Arithmetic on arrays of floats, one element or one row at a time.
#ifndef AVIARY_ELEMENTWISE_H
#define AVIARY_ELEMENTWISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AK_MAX_RANK 8

/// y = max(x, 0)
void ak_relu(const float *x, float *y, size_t count);
/// dx = dy where y > 0, else 0
void ak_relu_backward(const float *dy, const float *y, float *dx, size_t count);
/// y = a + b; y may be a or b
void ak_add(const float *a, const float *b, float *y, size_t count);
/// y = max(a + b, 0); y may be a or b
void ak_add_relu(const float *a, const float *b, float *y, size_t count);
/// y = scale · x + shift
void ak_affine(const float *x, float scale, float shift, float *y, size_t count);
/// y = value
void ak_fill(float *y, float value, size_t count);

/// The sum of x, accumulated in double.
double ak_sum(const float *x, size_t count);
/// The sum of the squares of x, accumulated in double.
double ak_sum_of_squares(const float *x, size_t count);

typedef enum ak_binary {
  AK_ADD,
  AK_SUBTRACT,
  AK_MULTIPLY,
  AK_DIVIDE,
  AK_MAXIMUM,
  AK_MINIMUM,
  AK_EXCEEDS,     // 1 where a > b, ½ where they are equal, else 0
  AK_RAISE,       // aᵇ
  AK_ATAN2,       // the angle of (b, a)
  AK_REMAINDER,   // a − b·⌊a/b⌋, which has the sign of b
  AK_LESS,        // 1 where a < b, else 0
  AK_LESS_EQUAL,
  AK_EQUAL,
  AK_KEEP         // a where b is not 0, else 0
} ak_binary;

/// y = a ∘ b over a row-major y of the dimensions given; a stride of 0 repeats an operand along that dimension.
void ak_broadcast(
    ak_binary operation, const float *a, const int64_t *a_strides, const float *b, const int64_t *b_strides, float *y,
    const int64_t *dimensions, int rank);

/// Sums a row-major x into y: a stride of 0 in y says that the dimension is summed over. Accumulated in double.
void ak_reduce_sum(
    const float *x, const int64_t *dimensions, int rank, float *y, const int64_t *y_strides, size_t y_count);

/// Row by row: the softmax of x, or its logarithm.
void ak_softmax(const float *x, float *y, size_t rows, size_t columns, bool logarithm);
/// The pullback of ak_softmax, from its result y.
void ak_softmax_backward(
    const float *dy, const float *y, float *dx, size_t rows, size_t columns, bool logarithm);

/// For every row, the element that its label names.
void ak_pick(const float *x, const int32_t *labels, float *y, size_t rows, size_t columns);

/// Sets the elements that belong to `labels` of a zeroed matrix: y[r, labels[r]] = values[r].
void ak_place(const float *values, const int32_t *labels, float *y, size_t rows, size_t columns);

/// dx = weight · (exp(log_probabilities) − one-hot(labels)): the pullback of the mean cross entropy.
void ak_cross_entropy_backward(
    const float *log_probabilities, const int32_t *labels, float weight, float *dx, size_t rows, size_t columns);

#endif
