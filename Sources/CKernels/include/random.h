// Random numbers by Philox4x32-10, a counter-based generator: element i depends on the key, the step and i only.
#ifndef AVIARY_RANDOM_H
#define AVIARY_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/// y = uniform numbers in [lower, upper)
void ak_random_uniform(float *y, float lower, float upper, uint64_t key, uint64_t step, size_t count);
/// y = normal numbers (Box and Muller)
void ak_random_normal(float *y, float mean, float deviation, uint64_t key, uint64_t step, size_t count);
/// y = x / (1 − rate) with probability 1 − rate, else 0. The same key and step drop the same elements.
void ak_dropout(const float *x, float *y, float rate, uint64_t key, uint64_t step, size_t count);
/// The same of elements that are a part of an array, in which `first` come before them: what is dropped of them is what
/// would be dropped of the whole.
void ak_dropout_from(
    uint64_t first, const float *x, float *y, float rate, uint64_t key, uint64_t step, size_t count);
/// The same, and the same elements, where x and y are [images, channels / block, positions, block], the last block filled
/// up with zeros; `block` is 8 or 16.
void ak_dropout_blocked(
    const float *x, float *y, float rate, uint64_t key, uint64_t step, size_t images, size_t channels,
    size_t positions, size_t block);

#endif
