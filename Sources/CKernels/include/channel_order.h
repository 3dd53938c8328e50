// Channels put in another order where they lie in blocks.
#ifndef AVIARY_CHANNEL_ORDER_H
#define AVIARY_CHANNEL_ORDER_H

#include "normalization.h"

#include <stdint.h>

/// Where a channel comes from: a channel of one of the sources, or, with a negative source, nowhere: zeros.
typedef struct ak_channel_origin {
  int32_t source, channel;
} ak_channel_origin;

/// Writes the channels of y from those of several arrays, all in blocks of the same number of lanes.
///
/// - shape: of y.
/// - blocks: of channels, in each source.
/// - origins: one for each channel of y. What fills up its last block becomes zero.
void ak_gather_channels(
    ak_channels shape, const float *const *sources, const size_t *blocks, const ak_channel_origin *origins, float *y);

#endif
