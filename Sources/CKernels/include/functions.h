// Functions of single elements, and losses of pairs of them, with their derivatives.
#ifndef AVIARY_FUNCTIONS_H
#define AVIARY_FUNCTIONS_H

#include <stddef.h>

/// What each does to x, with the parameters p and q.
typedef enum ak_function {
  AK_LEAKY_RELU,  // x > 0 ? x : p·x
  AK_ELU,         // x > 0 ? x : p·(eˣ − 1)
  AK_GELU,        // x·Φ(x), Φ being the distribution function of the normal distribution
  AK_GELU_TANH,   // x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2
  AK_SILU,        // x / (1 + e⁻ˣ)
  AK_HARD_SWISH,  // x·min(max(x + 3, 0), 6)/6
  AK_SIGMOID,     // 1 / (1 + e⁻ˣ)
  AK_TANH,
  AK_EXP,
  AK_LOG,
  AK_SQRT,
  AK_ABS,
  AK_SQUARE,
  AK_CLAMP,       // min(max(x, p), q), whose slope is 1 at p and q
  AK_HARD_TANH,   // the same, but flat at p and q
  AK_RSQRT,       // 1 / √x
  AK_LOG1P,       // log(1 + x)
  AK_EXPM1,       // eˣ − 1
  AK_LOG2,
  AK_LOG10,
  AK_SIN,
  AK_COS,
  AK_TAN,
  AK_ASIN,
  AK_ACOS,
  AK_ATAN,
  AK_SINH,
  AK_COSH,
  AK_ASINH,
  AK_ACOSH,
  AK_ATANH,
  AK_FLOOR,
  AK_CEIL,
  AK_ROUND,       // halves to the even neighbor
  AK_TRUNC,
  AK_SIGN,
  AK_ERF,
  AK_ERFC,
  AK_RECIPROCAL,  // 1 / x
  AK_POWER        // xᵖ
} ak_function;

/// y = f(x)
void ak_apply(ak_function function, const float *x, float p, float q, float *y, size_t count);

/// dx = dy·f′, from `saved`: the result for sigmoid, tanh, exp, sqrt, rsqrt, expm1, tan and reciprocal, the operand for all
/// others.
void ak_apply_backward(
    ak_function function, const float *dy, const float *saved, float p, float q, float *dx, size_t count);

/// Losses of a prediction x and a target t, with the parameter p.
typedef enum ak_loss {
  AK_ABSOLUTE_ERROR,         // |x − t|
  AK_SQUARED_ERROR,          // (x − t)²
  AK_HUBER,                  // e²/2 where |e| < p, else p·(|e| − p/2), e = x − t
  AK_SMOOTH_L1,              // e²/(2p) where |e| < p, else |e| − p/2
  AK_BINARY_CROSS_ENTROPY,   // −t·log x − (1 − t)·log(1 − x), logarithms at least −100
  AK_BINARY_CROSS_ENTROPY_OF_LOGITS  // −p·t·log σ(x) − (1 − t)·log σ(−x)
} ak_loss;

/// y = loss(x, t)
void ak_loss_forward(ak_loss loss, const float *x, const float *t, float p, float *y, size_t count);

/// dx = dy·∂loss/∂x, dy being one number for all.
void ak_loss_backward(ak_loss loss, float dy, const float *x, const float *t, float p, float *dx, size_t count);

#endif
