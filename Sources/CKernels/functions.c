#include "functions.h"

#include "multiversion.h"
#include "parallel.h"
#include "vector_math.h"

// These cost more than a sum: fewer elements are worth a second thread.
#define GRAIN 4096

typedef struct operands {
  const float *first, *second;
  float *result;
  float p, q;
} operands;

// A kernel over a range, compiled for several instruction sets: an element of the result from `a`, of the first operand,
// and `b`, of the second, by the parameters `p` and `q`.
#define KERNEL(name, given, expression)                                                                               \
  AVIARY_MULTIVERSION static void name(void *context, size_t start, size_t end) {                                     \
    const operands *o = context;                                                                                      \
    const float *first = o->first, *second = o->second;                                                               \
    float *result = o->result;                                                                                        \
    const float p = o->p, q = o->q;                                                                                   \
    (void)second, (void)p, (void)q;                                                                                   \
    for (size_t i = start; i < end; i++) {                                                                            \
      const float a = first[i];                                                                                       \
      given;                                                                                                          \
      result[i] = (expression);                                                                                       \
    }                                                                                                                 \
  }
#define FUNCTION(name, expression) KERNEL(name, (void)0, expression)
#define PAIR(name, expression) KERNEL(name, const float b = second[i], expression)

// MARK: - Functions of single elements

/// The argument of the sigmoid that x is multiplied by in the approximate gelu, 2·√(2/π)·(x + 0.044715·x³). Beyond ±30
/// the sigmoid is 0 or 1 anyway, and no power overflows.
VM_INLINE float gelu_argument(float x) {
  x = x > 30 ? 30 : x;
  x = x < -30 ? -30 : x;
  return 1.59576912f * (x + 0.044715f * x * x * x);
}

VM_INLINE float gelu_tanh_slope(float x) {
  float z = gelu_argument(x);
  float x2 = x * x > 900 ? 900 : x * x;
  return vm_sigmoid(z) + x * vm_sigmoid_slope(z) * (1.59576912f * (1 + 0.134145f * x2));
}

VM_INLINE float clamped(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

FUNCTION(leaky_relu, a > 0 ? a : p * a)
FUNCTION(elu, a > 0 ? a : p * vm_expm1(a > 0 ? 0 : a))
FUNCTION(gelu, a * vm_normal_distribution(a))
FUNCTION(gelu_tanh, a * vm_sigmoid(gelu_argument(a)))
FUNCTION(silu, a * vm_sigmoid(a))
FUNCTION(hard_swish, a * clamped(a + 3, 0, 6) * (1.0f / 6))
FUNCTION(sigmoid, vm_sigmoid(a))
FUNCTION(hyperbolic_tangent, vm_tanh(a))
FUNCTION(exponential, vm_exp(a))
FUNCTION(logarithm, vm_log(a))
FUNCTION(square_root, __builtin_elementwise_sqrt(a))
FUNCTION(absolute, fabsf(a))
FUNCTION(square, a * a)
FUNCTION(clamp, clamped(a, p, q))
FUNCTION(inverse_root, 1 / __builtin_elementwise_sqrt(a))
FUNCTION(logarithm_of_sum, log1pf(a))
FUNCTION(exponential_less_one, expm1f(a))
FUNCTION(binary_logarithm, log2f(a))
FUNCTION(decimal_logarithm, log10f(a))
FUNCTION(sine, sinf(a))
FUNCTION(cosine, cosf(a))
FUNCTION(tangent, tanf(a))
FUNCTION(arc_sine, asinf(a))
FUNCTION(arc_cosine, acosf(a))
FUNCTION(arc_tangent, atanf(a))
FUNCTION(hyperbolic_sine, sinhf(a))
FUNCTION(hyperbolic_cosine, coshf(a))
FUNCTION(area_sine, asinhf(a))
FUNCTION(area_cosine, acoshf(a))
FUNCTION(area_tangent, atanhf(a))
FUNCTION(rounded_down, floorf(a))
FUNCTION(rounded_up, ceilf(a))
FUNCTION(rounded, rintf(a))
FUNCTION(truncated, truncf(a))
FUNCTION(signs, (float)((a > 0) - (a < 0)))
FUNCTION(error_function, erff(a))
FUNCTION(complementary_error_function, erfcf(a))
FUNCTION(inverse, 1 / a)
FUNCTION(power, powf(a, p))

// The gradient is a; what was saved is b.
PAIR(leaky_relu_backward, b > 0 ? a : p * a)
PAIR(elu_backward, b > 0 ? a : a * (p * vm_exp(b)))
PAIR(gelu_backward, a * (vm_normal_distribution(b) + b * vm_normal_density(b)))
PAIR(gelu_tanh_backward, a * gelu_tanh_slope(b))
PAIR(silu_backward, a * (vm_sigmoid(b) + b * vm_sigmoid_slope(b)))
PAIR(hard_swish_backward, b <= -3 ? 0 : a * (b >= 3 ? 1 : b * (1.0f / 3) + 0.5f))
PAIR(sigmoid_backward, a * (b * (1 - b)))
PAIR(hyperbolic_tangent_backward, a * ((1 - b) * (1 + b)))
PAIR(exponential_backward, a * b)
PAIR(logarithm_backward, a / b)
PAIR(square_root_backward, a * 0.5f / b)
PAIR(absolute_backward, b > 0 ? a : b < 0 ? -a : 0)
PAIR(square_backward, 2 * a * b)
PAIR(clamp_backward, b >= p && b <= q ? a : 0)
PAIR(hard_tanh_backward, b > p && b < q ? a : 0)
PAIR(inverse_root_backward, a * (-0.5f * b * b * b))
PAIR(logarithm_of_sum_backward, a / (1 + b))
PAIR(exponential_less_one_backward, a * (b + 1))
PAIR(binary_logarithm_backward, a / (b * 0.693147181f))
PAIR(decimal_logarithm_backward, a / (b * 2.30258509f))
PAIR(sine_backward, a * cosf(b))
PAIR(cosine_backward, -a * sinf(b))
PAIR(tangent_backward, a * (1 + b * b))
PAIR(arc_sine_backward, a / __builtin_elementwise_sqrt((1 - b) * (1 + b)))
PAIR(arc_cosine_backward, -a / __builtin_elementwise_sqrt((1 - b) * (1 + b)))
PAIR(arc_tangent_backward, a / (1 + b * b))
PAIR(hyperbolic_sine_backward, a * coshf(b))
PAIR(hyperbolic_cosine_backward, a * sinhf(b))
PAIR(area_sine_backward, a / __builtin_elementwise_sqrt(b * b + 1))
PAIR(area_cosine_backward, a / __builtin_elementwise_sqrt((b - 1) * (b + 1)))
PAIR(area_tangent_backward, a / ((1 - b) * (1 + b)))
// A step has no slope, whatever it is asked for.
PAIR(step_backward, ((void)a, (void)b, 0))
PAIR(error_function_backward, a * (1.12837917f * vm_exp(-b * b)))
PAIR(complementary_error_function_backward, a * (-1.12837917f * vm_exp(-b * b)))
PAIR(inverse_backward, a * (-b * b))
PAIR(power_backward, p == 0 ? 0 : a * (p * powf(b, p - 1)))

void ak_apply(ak_function function, const float *x, float p, float q, float *y, size_t count) {
  operands o = {.first = x, .result = y, .p = p, .q = q};
#define CASE(kind, kernel)                                                                                            \
  case kind: ak_parallel_ranges(count, GRAIN, kernel, &o); break
  switch (function) {
    CASE(AK_LEAKY_RELU, leaky_relu);
    CASE(AK_ELU, elu);
    CASE(AK_GELU, gelu);
    CASE(AK_GELU_TANH, gelu_tanh);
    CASE(AK_SILU, silu);
    CASE(AK_HARD_SWISH, hard_swish);
    CASE(AK_SIGMOID, sigmoid);
    CASE(AK_TANH, hyperbolic_tangent);
    CASE(AK_EXP, exponential);
    CASE(AK_LOG, logarithm);
    CASE(AK_SQRT, square_root);
    CASE(AK_ABS, absolute);
    CASE(AK_SQUARE, square);
    CASE(AK_CLAMP, clamp);
    CASE(AK_HARD_TANH, clamp);
    CASE(AK_RSQRT, inverse_root);
    CASE(AK_LOG1P, logarithm_of_sum);
    CASE(AK_EXPM1, exponential_less_one);
    CASE(AK_LOG2, binary_logarithm);
    CASE(AK_LOG10, decimal_logarithm);
    CASE(AK_SIN, sine);
    CASE(AK_COS, cosine);
    CASE(AK_TAN, tangent);
    CASE(AK_ASIN, arc_sine);
    CASE(AK_ACOS, arc_cosine);
    CASE(AK_ATAN, arc_tangent);
    CASE(AK_SINH, hyperbolic_sine);
    CASE(AK_COSH, hyperbolic_cosine);
    CASE(AK_ASINH, area_sine);
    CASE(AK_ACOSH, area_cosine);
    CASE(AK_ATANH, area_tangent);
    CASE(AK_FLOOR, rounded_down);
    CASE(AK_CEIL, rounded_up);
    CASE(AK_ROUND, rounded);
    CASE(AK_TRUNC, truncated);
    CASE(AK_SIGN, signs);
    CASE(AK_ERF, error_function);
    CASE(AK_ERFC, complementary_error_function);
    CASE(AK_RECIPROCAL, inverse);
    CASE(AK_POWER, power);
  }
}

void ak_apply_backward(
    ak_function function, const float *dy, const float *saved, float p, float q, float *dx, size_t count) {
  operands o = {.first = dy, .second = saved, .result = dx, .p = p, .q = q};
  switch (function) {
    CASE(AK_LEAKY_RELU, leaky_relu_backward);
    CASE(AK_ELU, elu_backward);
    CASE(AK_GELU, gelu_backward);
    CASE(AK_GELU_TANH, gelu_tanh_backward);
    CASE(AK_SILU, silu_backward);
    CASE(AK_HARD_SWISH, hard_swish_backward);
    CASE(AK_SIGMOID, sigmoid_backward);
    CASE(AK_TANH, hyperbolic_tangent_backward);
    CASE(AK_EXP, exponential_backward);
    CASE(AK_LOG, logarithm_backward);
    CASE(AK_SQRT, square_root_backward);
    CASE(AK_ABS, absolute_backward);
    CASE(AK_SQUARE, square_backward);
    CASE(AK_CLAMP, clamp_backward);
    CASE(AK_HARD_TANH, hard_tanh_backward);
    CASE(AK_RSQRT, inverse_root_backward);
    CASE(AK_LOG1P, logarithm_of_sum_backward);
    CASE(AK_EXPM1, exponential_less_one_backward);
    CASE(AK_LOG2, binary_logarithm_backward);
    CASE(AK_LOG10, decimal_logarithm_backward);
    CASE(AK_SIN, sine_backward);
    CASE(AK_COS, cosine_backward);
    CASE(AK_TAN, tangent_backward);
    CASE(AK_ASIN, arc_sine_backward);
    CASE(AK_ACOS, arc_cosine_backward);
    CASE(AK_ATAN, arc_tangent_backward);
    CASE(AK_SINH, hyperbolic_sine_backward);
    CASE(AK_COSH, hyperbolic_cosine_backward);
    CASE(AK_ASINH, area_sine_backward);
    CASE(AK_ACOSH, area_cosine_backward);
    CASE(AK_ATANH, area_tangent_backward);
    CASE(AK_FLOOR, step_backward);
    CASE(AK_CEIL, step_backward);
    CASE(AK_ROUND, step_backward);
    CASE(AK_TRUNC, step_backward);
    CASE(AK_SIGN, step_backward);
    CASE(AK_ERF, error_function_backward);
    CASE(AK_ERFC, complementary_error_function_backward);
    CASE(AK_RECIPROCAL, inverse_backward);
    CASE(AK_POWER, power_backward);
  }
}

// MARK: - Losses of pairs of elements

VM_INLINE float huber(float e, float delta) {
  float size = fabsf(e);
  return size < delta ? 0.5f * e * e : delta * (size - 0.5f * delta);
}

VM_INLINE float smooth_l1(float e, float beta) {
  float size = fabsf(e);
  return size < beta ? 0.5f * e * e / beta : size - 0.5f * beta;
}

VM_INLINE float sign(float x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

/// log x, but at least −100.
VM_INLINE float bounded_log(float x) {
  float y = vm_log(x);
  return y < -100 ? -100 : y;
}

/// log(1 + eˣ)
VM_INLINE float softplus(float x) { return (x > 0 ? x : 0) + vm_log1p_of_unit(vm_exp(-fabsf(x))); }

PAIR(absolute_error, fabsf(a - b))
PAIR(squared_error, (a - b) * (a - b))
PAIR(huber_loss, huber(a - b, p))
PAIR(smooth_l1_loss, smooth_l1(a - b, p))
PAIR(binary, -(b * bounded_log(a) + (1 - b) * bounded_log(1 - a)))
PAIR(binary_of_logits, p * b * softplus(-a) + (1 - b) * softplus(a))

// q is the gradient of every loss.
PAIR(absolute_error_backward, a > b ? q : a < b ? -q : 0)
PAIR(squared_error_backward, 2 * q * (a - b))
PAIR(huber_backward, q * clamped(a - b, -p, p))
PAIR(smooth_l1_backward, fabsf(a - b) < p ? q * (a - b) / p : q * sign(a - b))
PAIR(binary_backward, q * (a - b) / ((1 - a) * a > 1e-12f ? (1 - a) * a : 1e-12f))
PAIR(binary_of_logits_backward, q * ((1 - b) * vm_sigmoid(a) - p * b * vm_sigmoid(-a)))

void ak_loss_forward(ak_loss loss, const float *x, const float *t, float p, float *y, size_t count) {
  operands o = {.first = x, .second = t, .result = y, .p = p};
  switch (loss) {
    CASE(AK_ABSOLUTE_ERROR, absolute_error);
    CASE(AK_SQUARED_ERROR, squared_error);
    CASE(AK_HUBER, huber_loss);
    CASE(AK_SMOOTH_L1, smooth_l1_loss);
    CASE(AK_BINARY_CROSS_ENTROPY, binary);
    CASE(AK_BINARY_CROSS_ENTROPY_OF_LOGITS, binary_of_logits);
  }
}

void ak_loss_backward(ak_loss loss, float dy, const float *x, const float *t, float p, float *dx, size_t count) {
  operands o = {.first = x, .second = t, .result = dx, .p = p, .q = dy};
  switch (loss) {
    CASE(AK_ABSOLUTE_ERROR, absolute_error_backward);
    CASE(AK_SQUARED_ERROR, squared_error_backward);
    CASE(AK_HUBER, huber_backward);
    CASE(AK_SMOOTH_L1, smooth_l1_backward);
    CASE(AK_BINARY_CROSS_ENTROPY, binary_backward);
    CASE(AK_BINARY_CROSS_ENTROPY_OF_LOGITS, binary_of_logits_backward);
  }
}
