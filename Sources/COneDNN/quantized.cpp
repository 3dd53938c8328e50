// Operations of 8-bit integers. The same scales mean the same to every version of oneDNN: 2.x takes one factor for each
// channel of the result, by which it multiplies the sums of products; 3.x takes those of the operands.
#include "describing.hpp"

#include <algorithm>
#include <cmath>

using namespace dnnl;

namespace aviary {

void Internals::keep(int role, std::vector<float> values) {
  numbers.push_back(std::move(values));
  auto &own = numbers.back();
  memory::desc md({int64_t(own.size())}, memory::data_type::f32, memory::format_tag::x);
  memory object(md, cpu(), own.data());
  arguments.push_back({role, object.get()});
  constants.push_back(object);
}

namespace {

/// What the primitive is told of scales, sum and relu.
primitive_attr attributes(const ad_request &r, const ad_scales &s, std::vector<float> &bias, Internals &in) {
  primitive_attr attr;
  attr.set_scratchpad_mode(scratchpad_mode::user);
  auto type = s.addend_type == AD_UINT8  ? memory::data_type::u8
              : s.addend_type == AD_INT8 ? memory::data_type::s8
                                         : memory::data_type::f32;
  std::vector<float> weights(s.weights, s.weights + s.channels);
  post_ops operations;
#if DNNL_VERSION_MAJOR >= 3
  // result = (source · weights · products + bias + addend) / destination
  (void)bias;
  bool grouped = s.channels > 0 && r.kind == AD_CONVOLUTION_FORWARD && rank(md(r.weights)) > rank(md(r.source));
  attr.set_scales_mask(DNNL_ARG_SRC, 0);
  attr.set_scales_mask(DNNL_ARG_DST, 0);
  in.keep(DNNL_ARG_ATTR_SCALES | DNNL_ARG_SRC, {s.source});
  in.keep(DNNL_ARG_ATTR_SCALES | DNNL_ARG_DST, {s.destination});
  if (s.channels > 0) {
    attr.set_scales_mask(DNNL_ARG_WEIGHTS, grouped ? 3 : 1);
    in.keep(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, std::move(weights));
  }
  if (is(r, AD_ADD)) operations.append_sum(s.addend, 0, type);
  if (is(r, AD_RELU)) operations.append_eltwise(algorithm::eltwise_relu, 0.0f, 0.0f);
#else
  // result = factor · (products + bias) + addend, with the bias in units of the products
  if (s.channels > 0) {
    for (size_t i = 0; i < weights.size(); i++) {
      float factor = s.source * weights[i] / s.destination;
      // A channel that normalisation has switched off has only its bias, which a factor of zero would lose.
      if (!(std::fabs(factor) >= 1e-20f)) factor = std::copysign(1e-20f, factor);
      weights[i] = factor;
      if (!bias.empty()) bias[i] = std::clamp(bias[i] / s.destination / factor, -1e37f, 1e37f);
    }
    attr.set_output_scales(1 << 1, weights);
  } else {
    attr.set_output_scales(0, {s.source / s.destination});
  }
  (void)in;
  if (is(r, AD_ADD)) operations.append_sum(s.addend / s.destination, 0, type);
  if (is(r, AD_RELU)) operations.append_eltwise(1.0f, algorithm::eltwise_relu, 0.0f, 0.0f);
#endif
  if (operations.len() > 0) attr.set_post_ops(operations);
  return attr;
}

template <typename PD> void bind_all(ad_plan &plan, Internals &in, const PD &pd, std::vector<float> bias) {
  if (!bias.empty()) in.keep(DNNL_ARG_BIAS, std::move(bias));
  finish_forward(plan, in, pd, false);
}

memory::desc bias_description(size_t count) {
  return memory::desc({int64_t(count)}, memory::data_type::f32, memory::format_tag::x);
}

} // namespace

void make_quantized(const ad_request &r, const ad_scales &s, ad_plan &plan, Internals &in) {
  in.numbers.reserve(8); // what is kept must not move
  std::vector<float> bias;
  if (s.bias) bias.assign(s.bias, s.bias + s.channels);
  auto attr = attributes(r, s, bias, in);
  if (r.kind == AD_REORDER) {
    reorder::primitive_desc pd(cpu(), md(r.source), cpu(), md(r.destination), attr);
    plan.source = r.source;
    plan.destination = r.destination;
    in.bind(DNNL_ARG_SRC, md(r.source), AT(source));
    in.bind(DNNL_ARG_DST, md(r.destination), AT(destination));
    return finish(plan, in, pd);
  }
  const auto kind = prop_kind::forward_inference;
  auto offsets = bias_description(bias.size());
  if (r.kind == AD_LINEAR_FORWARD) {
    auto pd = bias.empty()
                  ? DESCRIBE(inner_product_forward, kind, md(r.source), md(r.weights), md(r.destination))
                  : DESCRIBE(inner_product_forward, kind, md(r.source), md(r.weights), offsets, md(r.destination));
    return bind_all(plan, in, pd, std::move(bias));
  }
  const auto direct = algorithm::convolution_direct;
  int axes = rank(md(r.source)) - 2;
  auto strides = spatial(r.strides, axes), dilations = spatial(r.dilations, axes);
  auto low = spatial(r.padding_low, axes), high = spatial(r.padding_high, axes);
  auto pd = bias.empty() ? DESCRIBE(convolution_forward, kind, direct, md(r.source), md(r.weights), md(r.destination),
                                    strides, dilations, low, high)
                         : DESCRIBE(convolution_forward, kind, direct, md(r.source), md(r.weights), offsets,
                                    md(r.destination), strides, dilations, low, high);
  bind_all(plan, in, pd, std::move(bias));
}

} // namespace aviary
