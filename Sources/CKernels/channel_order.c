#include "channel_order.h"

#include "parallel.h"

typedef struct work {
  ak_channels shape;
  const float *const *sources;
  const size_t *blocks;
  const ak_channel_origin *origins;
  float *y;
} work;

/// One block of an image: each lane from where its channel is.
static void gather_block(const work *w, size_t image, size_t block) {
  enum { most = 16 };
  static const float zero[1] = {0};
  const size_t lanes = w->shape.lanes, positions = w->shape.positions;
  const size_t count = (w->shape.channels + lanes - 1) / lanes;
  float *y = w->y + (image * count + block) * positions * lanes;
  for (size_t first = 0; first < lanes; first += most) {
    const size_t width = lanes - first < most ? lanes - first : most;
    const float *from[most];
    size_t step[most];
    for (size_t l = 0; l < width; l++) {
      const size_t channel = block * lanes + first + l;
      const ak_channel_origin origin =
          channel < w->shape.channels ? w->origins[channel] : (ak_channel_origin){-1, 0};
      from[l] = zero;
      step[l] = 0;
      if (origin.source < 0) continue;
      const size_t at = (size_t)origin.channel, blocks = w->blocks[origin.source];
      from[l] = w->sources[origin.source] + ((image * blocks + at / lanes) * positions) * lanes + at % lanes;
      step[l] = lanes;
    }
    if (width == 8) {
      for (size_t p = 0; p < positions; p++)
        for (size_t l = 0; l < 8; l++) y[p * lanes + first + l] = from[l][p * step[l]];
    } else {
      for (size_t p = 0; p < positions; p++)
        for (size_t l = 0; l < width; l++) y[p * lanes + first + l] = from[l][p * step[l]];
    }
  }
}

static void gather_blocks(void *context, int thread, int threads) {
  const work *w = context;
  const size_t blocks = (w->shape.channels + w->shape.lanes - 1) / w->shape.lanes;
  const size_t parts = w->shape.images * blocks;
  const size_t start = parts * (size_t)thread / (size_t)threads, end = parts * (size_t)(thread + 1) / (size_t)threads;
  for (size_t part = start; part < end; part++) gather_block(w, part / blocks, part % blocks);
}

void ak_gather_channels(
    ak_channels shape, const float *const *sources, const size_t *blocks, const ak_channel_origin *origins, float *y) {
  work w = {.shape = shape, .sources = sources, .blocks = blocks, .origins = origins, .y = y};
  ak_parallel(gather_blocks, &w);
}
