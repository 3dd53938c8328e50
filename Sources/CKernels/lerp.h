#ifndef AVIARY_LERP_H
#define AVIARY_LERP_H

/// The value at `weight` on the way from `from` to `to`, by PyTorch's formulas of `torch.lerp`: it is computed from the
/// nearer end, so that it keeps that end's digits, and is `to` itself at 1.
static inline float lerp(float from, float to, float weight) {
  const float way = to - from;
  return weight < 0.5f ? from + weight * way : to - way * (1 - weight);
}

#endif
