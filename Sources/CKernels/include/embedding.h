// Rows of a table, looked up by their numbers.
#ifndef AVIARY_EMBEDDING_H
#define AVIARY_EMBEDDING_H

#include <stddef.h>
#include <stdint.h>

/// y[i, :] = table[indices[i], :] for rows of `width` elements.
void ak_embed(const float *table, const int32_t *indices, float *y, size_t count, size_t width);

/// table[indices[i], :] += dy[i, :], in the order of i.
void ak_embed_backward(const float *dy, const int32_t *indices, float *table, size_t count, size_t width);

#endif
