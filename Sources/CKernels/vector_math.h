// exp, log, tanh and their kin as plain arithmetic on one float, so that loops over them vectorise. Within 3 units in
// the last place of the true value (the normal distribution within 6), also where that is tiny; what is not a number
// stays so. The coefficients are weighted minimax fits.
#ifndef AVIARY_VECTOR_MATH_H
#define AVIARY_VECTOR_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define VM_INLINE static inline __attribute__((always_inline))

VM_INLINE int32_t vm_bits(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

VM_INLINE float vm_float(int32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/// 2ⁿ for n in −126...127.
VM_INLINE float vm_power_of_two(int32_t n) { return vm_float((int32_t)(((uint32_t)n + 127) << 23)); }

/// x = n·ln 2 + r with |r| ≤ ln 2 / 2. Adding and taking away 1.5·2²³ rounds to a whole number.
VM_INLINE float vm_reduce(float x, int32_t *n) {
  const float shift = 12582912.0f;
  float shifted = x * 1.44269504f + shift;
  float whole = shifted - shift;
  // Unsigned, here and below: with NaN the differences wrap around, and the result is NaN anyway.
  *n = (int32_t)((uint32_t)vm_bits(shifted) - (uint32_t)vm_bits(shift));
  // ln 2 in two parts, the first of which has few enough digits for its products to be exact.
  return (x - whole * 0.693359375f) - whole * -2.12194440e-4f;
}

/// eʳ − 1 for |r| ≤ ln 2 / 2.
VM_INLINE float vm_expm1_reduced(float r) {
  float q = 1.98458803e-4f;
  q = q * r + 1.39406689e-3f;
  q = q * r + 8.33338946e-3f;
  q = q * r + 4.16663604e-2f;
  q = q * r + 1.66666664e-1f;
  q = q * r + 0.5f;
  return r + r * r * q;
}

/// eˣ
VM_INLINE float vm_exp(float x) {
  x = x > 89.0f ? 89.0f : x;
  x = x < -104.0f ? -104.0f : x;
  int32_t n;
  float r = vm_reduce(x, &n);
  // In two steps: the power may lie beyond what one factor can hold.
  int32_t half = n >> 1;
  int32_t rest = (int32_t)((uint32_t)n - (uint32_t)half);
  return (1 + vm_expm1_reduced(r)) * vm_power_of_two(half) * vm_power_of_two(rest);
}

/// eˣ − 1 for x ≤ 44, without loss of digits near 0.
VM_INLINE float vm_expm1(float x) {
  x = x < -25.0f ? -25.0f : x;
  int32_t n;
  float r = vm_reduce(x, &n);
  float power = vm_power_of_two(n);
  return power * vm_expm1_reduced(r) + (power - 1);
}

VM_INLINE float vm_tanh(float x) {
  float magnitude = fabsf(x);
  magnitude = magnitude > 10.0f ? 10.0f : magnitude;
  float e = vm_expm1(2 * magnitude);
  return copysignf(e / (e + 2), x);
}

/// 1 / (1 + e⁻ˣ)
VM_INLINE float vm_sigmoid(float x) {
  float e = vm_exp(-fabsf(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/// The derivative of the sigmoid, σ(x)·σ(−x), without loss of digits for large x.
VM_INLINE float vm_sigmoid_slope(float x) {
  float e = vm_exp(-fabsf(x));
  return e / ((1 + e) * (1 + e));
}

/// The natural logarithm.
VM_INLINE float vm_log(float x) {
  // Numbers too small for the usual form are made larger first.
  int small = x < 1.17549435e-38f;
  float scaled = small ? x * 8388608.0f : x;
  // x = 2ᵉ·m with m in [√½, √2)
  int32_t bits = vm_bits(scaled);
  int32_t e = (int32_t)((uint32_t)bits - 0x3f3504f3u) >> 23;
  float f = vm_float((int32_t)((uint32_t)bits - (uint32_t)e * (1u << 23))) - 1;
  float exponent = (float)(e - (small ? 23 : 0));
  float q = 6.74660132e-2f;
  q = q * f + -1.16756413e-1f;
  q = q * f + 1.18881746e-1f;
  q = q * f + -1.24055914e-1f;
  q = q * f + 1.42195509e-1f;
  q = q * f + -1.66679957e-1f;
  q = q * f + 2.00021187e-1f;
  q = q * f + -2.50000096e-1f;
  q = q * f + 3.33333126e-1f;
  float square = f * f;
  float low = square * f * q + exponent * -2.12194440e-4f;
  float y = (f - 0.5f * square) + low + exponent * 0.693359375f;
  y = x == 0 ? -INFINITY : y;
  y = x == INFINITY ? x : y;
  return x >= 0 ? y : NAN;
}

/// log(1 + x) for x in [0, 1], without loss of digits near 0.
VM_INLINE float vm_log1p_of_unit(float x) {
  float u = 1 + x;
  // What rounding took from u, divided by u, is the rest of the logarithm.
  return vm_log(u) + (x - (u - 1)) / u;
}

/// The distribution function of the normal distribution, also in its tails: (1 + erf(x / √2)) / 2.
VM_INLINE float vm_normal_distribution(float x) {
  float magnitude = fabsf(x);
  magnitude = magnitude > 15.0f ? 15.0f : magnitude;
  float t = magnitude * 0.707106781f;
  // erfc(t)·e^(t²)·(1 + 2t) lies between 1 and 1.3; in v it is nearly a polynomial.
  float v = 2 * t / (t + 2);
  float q = 7.97851251e-05f;
  q = q * v + -0.000706568329f;
  q = q * v + 0.00227845704f;
  q = q * v + -0.00329676562f;
  q = q * v + 0.00405969295f;
  q = q * v + -0.0072711693f;
  q = q * v + -0.010929053f;
  q = q * v + 0.0331440764f;
  q = q * v + 0.208951468f;
  q = q * v + -0.820952499f;
  q = q * v + 0.871620959f;
  q = q * v + 1;
  // The exponent −x²/2 in two parts: rounded, it would cost digits in the tails. The head has 12 bits and its square is
  // exact; the rest is small.
  float head = vm_float(vm_bits(magnitude) & ~0xfff);
  float gauss = vm_exp(-0.5f * head * head);
  gauss += gauss * vm_expm1_reduced(-0.5f * (magnitude - head) * (magnitude + head));
  float upper = 0.5f * gauss * q / (1 + 2 * t);
  return x < 0 ? upper : 1 - upper;
}

/// The density of the normal distribution.
VM_INLINE float vm_normal_density(float x) { return 0.398942280f * vm_exp(-0.5f * x * x); }

#endif
