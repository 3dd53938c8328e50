// Products of whole channels with one factor each, wherever the channels lie.
#ifndef AVIARY_CHANNEL_SCALING_H
#define AVIARY_CHANNEL_SCALING_H

#include "normalization.h"

#include <stdbool.h>

/// y = x · factor, the factor of image n and channel c being factors[n · image_step + c · channel_step]. A step of 0 repeats
/// it. What fills up the last block of channels becomes zero.
void ak_scale_channels(
    ak_channels shape, const float *x, const float *factors, size_t image_step, size_t channel_step, float *y);

/// y = x · factors[c] + offsets[c] for channel c, or, with a relu, the greater of that and 0; what is not a number stays so.
/// What fills up the last block of channels becomes zero.
void ak_normalize_channels(
    ak_channels shape, const float *x, const float *factors, const float *offsets, bool relu, float *y);

/// The same of channels that lie one after the other in several arrays, which need not be joined for it. All have the same
/// images, positions and lanes.
///
/// - shape: of y.
/// - source_blocks: of channels, in each array. Only the last of all may be filled up.
void ak_normalize_joined_channels(
    ak_channels shape, const float *const *sources, const size_t *source_blocks, const float *factors,
    const float *offsets, bool relu, float *y);

/// sums[n · channels + c] = Σ x · y over the positions of each image's channel, accumulated in double.
void ak_channel_products(ak_channels shape, const float *x, const float *y, float *sums);

#endif
