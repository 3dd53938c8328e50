// What is done to gradients before a step, and to weights after it.
#ifndef AVIARY_CLIPPING_H
#define AVIARY_CLIPPING_H

#include <stddef.h>

/// y = x held between −limit and limit; what is not a number stays so, to be seen.
void ak_clip(const float *x, float limit, float *y, size_t count);

/// average += (x − average) · share: one update of an exponential moving average.
void ak_average(float *average, const float *x, float share, size_t count);

#endif
