// What is not a number, where a fused primitive drops it: oneDNN's relu and maximum take the other operand.
#ifndef AVIARY_NONFINITE_H
#define AVIARY_NONFINITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Whether a thread of the team has met an invalid operation since the last call, such as a comparison of NaN: the
/// processor's own sticky flag, which costs nothing to keep. It may be set by something else. Always true where the
/// processor keeps no such flag of comparisons.
bool ak_took_invalid(void);
/// Whether every element is finite.
bool ak_is_finite(const float *x, size_t count);
/// The same of bfloat16, the upper halves of floats.
bool ak_is_finite_bfloat16(const uint16_t *x, size_t count);
/// Infinity where x is not a number, else 0.
void ak_mark_nan(const float *x, float *marks, size_t count);
/// Writes NaN to y wherever x is not a number.
void ak_restore_nan(const float *x, float *y, size_t count);

/// x, but infinity where it is not a number.
void ak_nan_to_infinity(const float *x, float *y, size_t count);
/// Whether an element is the lowest finite number.
bool ak_has_lowest(const float *x, size_t count);
bool ak_has_lowest_bfloat16(const uint16_t *x, size_t count);
/// 0 where x is -infinity, else 1.
void ak_mark_above(const float *x, float *marks, size_t count);
/// Writes -infinity to y where it is the lowest finite number and the mark is 0.
void ak_lowest_to_infinity(const float *marks, float *y, size_t count);

/// How many numbers are not finite.
typedef struct {
  size_t nan;
  size_t infinite;
} ak_nonfinite;

/// Counts them among floating-point numbers of 16, 32 or 64 bits at any address; `infinity` has the bits of +infinity.
ak_nonfinite ak_count_nonfinite(const void *x, size_t count, int bits, uint64_t infinity);

#endif
