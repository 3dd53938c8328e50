// Convolutions by the Winograd kernels of CKernels, as plans.
#include "describing.hpp"
#include "winograd.h"

#include <stdexcept>

using namespace dnnl;

namespace aviary {

namespace {

struct Dimensions {
  int64_t values[AD_MAX_RANK];
  int rank;
  explicit Dimensions(ad_layout layout) : rank(layout == AD_NONE ? 0 : ad_layout_dimensions(layout, values)) {}
  int64_t operator[](int index) const { return values[index]; }
};

/// The block of the layouts that oneDNN's convolutions have on this processor.
int block() { return ad_has_avx512() ? 16 : 8; }

/// The geometry of a request's forward pass; throws where the kernels have none of it.
ak_winograd geometry(
    const ad_request &r, const Dimensions &source, const Dimensions &weights, const Dimensions &destination) {
  auto each = [](const int32_t *values, int32_t least, int32_t most) {
    return values[0] >= least && values[0] <= most && values[1] >= least && values[1] <= most;
  };
  const bool fits = source.rank == 4 && weights.rank == 4 && destination.rank == 4 && weights[2] == 3 &&
                    weights[3] == 3 && weights[1] == source[1] && source[1] % block() == 0 &&
                    destination[1] % block() == 0 && each(r.strides, 1, 1) && each(r.dilations, 0, 0) &&
                    each(r.padding_low, 0, 2) && ak_winograd_is_fast(block());
  if (!fits) throw std::invalid_argument("no Winograd convolution of this geometry");
  return {source[0], source[1], destination[1], source[2], source[3], destination[2], destination[3],
          r.padding_low[0], r.padding_low[1], block(), false};
}

float *floats(void *address) { return static_cast<float *>(address); }

} // namespace

void plan_winograd(const ad_request &r, ad_plan &plan, Internals &in) {
  in.implementation = std::string("aviary_wino_4x3:") + ak_winograd_kernels(block());
  if (r.kind == AD_REORDER) {
    const Dimensions d(r.source);
    ak_winograd shape{};
    shape.inputs = d[1];
    shape.outputs = d[0];
    shape.block = block();
    plan.source = ad_layout_blocked_weights(d.values, d.rank);
    plan.destination = r.destination;
    if (plan.source != r.source) throw std::invalid_argument("weights to be transformed lie in blocks");
    in.kernel = [shape](const ad_buffers &b) {
      ak_winograd_transform(&shape, floats(b.source), floats(b.destination));
    };
    return;
  }
  const Dimensions source(r.source), weights(r.weights), destination(r.destination);
  const ak_winograd shape = geometry(r, source, weights, destination);
  plan.source = ad_layout_blocked(source.values, 4, block());
  plan.destination = ad_layout_blocked(destination.values, 4, block());
  plan.weights = ad_layout_blocked_weights(weights.values, weights.rank);
  plan.bias = r.bias;
  switch (ad_kind(r.kind)) {
  case AD_CONVOLUTION_FORWARD: {
    const bool add = is(r, AD_ADD), relu = is(r, AD_RELU);
    const auto kind = is(r, AD_TRAINING) ? AK_WINOGRAD_PLAIN : AK_WINOGRAD_TRANSFORMED;
    if (is(r, AD_RELU6) || is(r, AD_SILU) || is(r, AD_HARD_SWISH))
      throw std::invalid_argument("no Winograd convolution ends with this activation");
    if (kind == AK_WINOGRAD_TRANSFORMED) {
      const auto count = int64_t(ak_winograd_weight_floats(&shape));
      plan.weights = ad_layout_plain(&count, 1);
    }
    plan.scratchpad_bytes = ak_winograd_forward_floats(&shape, kind) * sizeof(float);
    in.kernel = [=](const ad_buffers &b) {
      ak_winograd_forward(
          &shape, floats(b.source), floats(b.weights), kind, floats(b.bias), add, relu, floats(b.destination),
          floats(b.scratchpad));
    };
    return;
  }
  case AD_CONVOLUTION_BACKWARD_DATA: {
    const ak_winograd back = {shape.batch,  shape.outputs, shape.inputs,  shape.result_height, shape.result_width,
                              shape.height, shape.width,   2 - shape.top, 2 - shape.left,      shape.block, false};
    plan.scratchpad_bytes = ak_winograd_forward_floats(&back, AK_WINOGRAD_TURNED) * sizeof(float);
    in.kernel = [=](const ad_buffers &b) {
      ak_winograd_forward(
          &back, floats(b.destination_gradient), floats(b.weights), AK_WINOGRAD_TURNED, nullptr, false, false,
          floats(b.source_gradient), floats(b.scratchpad));
    };
    return;
  }
  case AD_CONVOLUTION_BACKWARD_WEIGHTS:
    plan.scratchpad_bytes = ak_winograd_backward_weights_floats(&shape) * sizeof(float);
    in.kernel = [=](const ad_buffers &b) {
      ak_winograd_backward_weights(
          &shape, floats(b.source), floats(b.destination_gradient), floats(b.weights_gradient), floats(b.bias_gradient),
          floats(b.scratchpad));
    };
    return;
  default: throw std::invalid_argument("no such Winograd plan");
  }
}

} // namespace aviary
