// What is not a number, where a fused primitive drops it: oneDNN's relu and maximum take the other operand.
#ifndef AVIARY_NONFINITE_H
#define AVIARY_NONFINITE_H

#include <stdbool.h>
#include <stddef.h>

/// Whether a thread of the team has met an invalid operation since the last call, such as a comparison of NaN: the
/// processor's own sticky flag, which costs nothing to keep. It may be set by something else. Always true where the
/// processor keeps no such flag of comparisons.
bool ak_took_invalid(void);
/// Whether every element is finite.
bool ak_is_finite(const float *x, size_t count);
/// Infinity where x is not a number, else 0.
void ak_mark_nan(const float *x, float *marks, size_t count);
/// Writes NaN to y wherever x is not a number.
void ak_restore_nan(const float *x, float *y, size_t count);

#endif
