#include "describing.hpp"

using namespace dnnl;

namespace aviary {

engine &cpu() {
  static auto &value = *new engine(engine::kind::cpu, 0);
  return value;
}

stream &queue() {
  static auto &value = *new stream(cpu());
  return value;
}

void Internals::bind(int role, const memory::desc &md, size_t offset) {
  if (!md.get_size()) return;
  memory object(md, cpu(), DNNL_MEMORY_NONE);
  arguments.push_back({role, object.get()});
  bindings.push_back({object, offset});
}

primitive_attr attributes(const ad_request &r) {
  primitive_attr attr;
  attr.set_scratchpad_mode(scratchpad_mode::user);
  post_ops operations;
  if (is(r, AD_ADD)) operations.append_sum(1.0f);
#if DNNL_VERSION_MAJOR >= 3
  auto append = [&](algorithm kind, float alpha, float beta) { operations.append_eltwise(kind, alpha, beta); };
  const float slope = 1.0f / 6, middle = 0.5f;
#else
  auto append = [&](algorithm kind, float alpha, float beta) { operations.append_eltwise(1.0f, kind, alpha, beta); };
  const float slope = 0, middle = 0; // which version 2 has built in
#endif
  if (is(r, AD_RELU)) append(algorithm::eltwise_relu, 0.0f, 0.0f);
  if (is(r, AD_RELU6)) append(algorithm::eltwise_clip, 0.0f, 6.0f);
  if (is(r, AD_SILU)) append(algorithm::eltwise_swish, 1.0f, 0.0f);
  if (is(r, AD_HARD_SWISH)) append(algorithm::eltwise_hardswish, slope, middle);
  if (operations.len() > 0) attr.set_post_ops(operations);
  return attr;
}

namespace {

/// The geometry of a window that slides: strides, dilations beyond the neighbour, paddings, kernel.
struct Window {
  memory::dims strides, dilations, low, high, kernel;
  Window(const ad_request &r, int count)
      : strides(spatial(r.strides, count)), dilations(spatial(r.dilations, count)),
        low(spatial(r.padding_low, count)), high(spatial(r.padding_high, count)), kernel(spatial(r.kernel, count)) {}
};

convolution_forward::primitive_desc convolution_hint(const ad_request &r, const primitive_attr &attr) {
  Window w(r, rank(md(r.source)) - 2);
  auto kind = is(r, AD_TRAINING) ? prop_kind::forward_training : prop_kind::forward_inference;
  if (r.bias == AD_NONE)
    return DESCRIBE(convolution_forward, kind, algorithm::convolution_direct, md(r.source), md(r.weights),
                    md(r.destination), w.strides, w.dilations, w.low, w.high);
  return DESCRIBE(convolution_forward, kind, algorithm::convolution_direct, md(r.source), md(r.weights), md(r.bias),
                  md(r.destination), w.strides, w.dilations, w.low, w.high);
}

void plan_convolution_forward(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(r);
  auto pd = convolution_hint(r, attr);
  finish_forward(plan, in, pd, r.bias != AD_NONE);
}

/// The forward pass that a backward pass is told of, with every layout open.
convolution_forward::primitive_desc open_forward(ad_request r) {
  r.flags = AD_TRAINING;
  auto is_bfloat16 = [](ad_layout l) { return l != AD_NONE && is_of_bfloat16(description(l)); };
  const bool any_bfloat16 = is_bfloat16(r.source) || is_bfloat16(r.weights) || is_bfloat16(r.destination);
  open_layouts(r, any_bfloat16 ? AD_BFLOAT16 : AD_FLOAT);
  return convolution_hint(r, attributes(r));
}

void plan_convolution_backward_data(const ad_request &r, ad_plan &plan, Internals &in) {
  Window w(r, rank(md(r.source)) - 2);
  auto attr = attributes(ad_request{});
  auto hint = open_forward(r);
  auto pd = DESCRIBE_AFTER(convolution_backward_data, hint, algorithm::convolution_direct, md(r.source), md(r.weights),
                           md(r.destination), w.strides, w.dilations, w.low, w.high);
  finish_backward_data(plan, in, pd);
}

void plan_convolution_backward_weights(const ad_request &r, ad_plan &plan, Internals &in) {
  Window w(r, rank(md(r.source)) - 2);
  auto attr = attributes(ad_request{});
  auto hint = open_forward(r);
  auto make = [&] {
    if (r.bias == AD_NONE)
      return DESCRIBE_AFTER(convolution_backward_weights, hint, algorithm::convolution_direct, md(r.source),
                            md(r.weights), md(r.destination), w.strides, w.dilations, w.low, w.high);
    return DESCRIBE_AFTER(convolution_backward_weights, hint, algorithm::convolution_direct, md(r.source), md(r.weights),
                          md(r.bias), md(r.destination), w.strides, w.dilations, w.low, w.high);
  };
  auto pd = make();
  finish_backward_weights(plan, in, pd, r.bias != AD_NONE);
}

/// - given: whether the statistics are the caller's, or the primitive's own.
batch_normalization_forward::primitive_desc batch_norm_hint(const ad_request &r, const primitive_attr &attr, bool given) {
  auto flags = normalization_flags::use_scale | normalization_flags::use_shift;
  if (given) flags |= normalization_flags::use_global_stats;
  if (is(r, AD_RELU)) flags |= normalization_flags::fuse_norm_relu;
#if DNNL_VERSION_MAJOR >= 3
  return batch_normalization_forward::primitive_desc(
      cpu(), prop_kind::forward_training, md(r.source), md(r.source), r.epsilon, flags, attr);
#else
  return DESCRIBE(batch_normalization_forward, prop_kind::forward_training, md(r.source), r.epsilon, flags);
#endif
}

void plan_batch_norm_forward(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(ad_request{});
  auto pd = batch_norm_hint(r, attr, true);
  plan.source = intern(pd.src_desc());
  plan.destination = intern(pd.dst_desc());
  plan.workspace_bytes = pd.workspace_desc().get_size();
  in.bind(DNNL_ARG_SRC, pd.src_desc(), AT(source));
  in.bind(DNNL_ARG_DST, pd.dst_desc(), AT(destination));
  in.bind(DNNL_ARG_MEAN, pd.mean_desc(), AT(mean));
  in.bind(DNNL_ARG_VARIANCE, pd.variance_desc(), AT(variance));
  in.bind(DNNL_ARG_SCALE, pd.mean_desc(), AT(scale));
  in.bind(DNNL_ARG_SHIFT, pd.mean_desc(), AT(shift));
  in.bind(DNNL_ARG_WORKSPACE, pd.workspace_desc(), AT(workspace));
  finish(plan, in, pd);
}

void plan_batch_norm_backward(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(ad_request{});
  auto hint = batch_norm_hint(r, attr, false);
  auto flags = normalization_flags::use_scale | normalization_flags::use_shift;
  if (is(r, AD_RELU)) flags |= normalization_flags::fuse_norm_relu;
#if DNNL_VERSION_MAJOR >= 3
  auto pd = batch_normalization_backward::primitive_desc(
      cpu(), prop_kind::backward, md(r.source), md(r.source), md(r.source), r.epsilon, flags, hint, attr);
#else
  auto pd = DESCRIBE_AFTER(
      batch_normalization_backward, hint, prop_kind::backward, md(r.source), md(r.source), r.epsilon, flags);
#endif
  plan.source = intern(pd.src_desc());
  plan.destination = intern(pd.diff_dst_desc());
  plan.workspace_bytes = pd.workspace_desc().get_size();
  in.bind(DNNL_ARG_SRC, pd.src_desc(), AT(source));
  in.bind(DNNL_ARG_DIFF_SRC, pd.diff_src_desc(), AT(source_gradient));
  in.bind(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), AT(destination_gradient));
  in.bind(DNNL_ARG_MEAN, pd.mean_desc(), AT(mean));
  in.bind(DNNL_ARG_VARIANCE, pd.variance_desc(), AT(variance));
  in.bind(DNNL_ARG_SCALE, pd.mean_desc(), AT(scale));
#if DNNL_VERSION_MAJOR < 3
  in.bind(DNNL_ARG_SHIFT, pd.mean_desc(), AT(scale)); // counted among the inputs, though nothing depends on it
#endif
  in.bind(DNNL_ARG_DIFF_SCALE, pd.mean_desc(), AT(scale_gradient));
  in.bind(DNNL_ARG_DIFF_SHIFT, pd.mean_desc(), AT(shift_gradient));
  in.bind(DNNL_ARG_WORKSPACE, pd.workspace_desc(), AT(workspace));
  finish(plan, in, pd);
}

bool is_max(const ad_request &r) { return r.kind == AD_MAX_POOL_FORWARD || r.kind == AD_MAX_POOL_BACKWARD; }

algorithm pooling_algorithm(const ad_request &r) {
  if (is_max(r)) return algorithm::pooling_max;
  return is(r, AD_INCLUDE_PADDING) ? algorithm::pooling_avg_include_padding
                                   : algorithm::pooling_avg_exclude_padding;
}

// In version 2, windows with gaps are a primitive of their own.
#if DNNL_VERSION_MAJOR >= 3
struct Pooling {
  using forward = pooling_forward;
  using backward = pooling_backward;
  static constexpr bool takes_dilations = true;
};
using DilatedPooling = Pooling;
#else
struct Pooling {
  using forward = pooling_forward;
  using backward = pooling_backward;
  static constexpr bool takes_dilations = false;
};
struct DilatedPooling {
  using forward = pooling_v2_forward;
  using backward = pooling_v2_backward;
  static constexpr bool takes_dilations = true;
};
#endif

bool is_dilated(const ad_request &r) { return r.dilations[0] > 0 || r.dilations[1] > 0 || r.dilations[2] > 0; }

template <class Kind>
typename Kind::forward::primitive_desc pooling_hint(const ad_request &r, const primitive_attr &attr) {
  Window w(r, rank(md(r.source)) - 2);
  auto kind = is(r, AD_TRAINING) ? prop_kind::forward_training : prop_kind::forward_inference;
  if constexpr (Kind::takes_dilations)
    return DESCRIBE(typename Kind::forward, kind, pooling_algorithm(r), md(r.source), md(r.destination), w.strides,
                    w.kernel, w.dilations, w.low, w.high);
  else
    return DESCRIBE(typename Kind::forward, kind, pooling_algorithm(r), md(r.source), md(r.destination), w.strides,
                    w.kernel, w.low, w.high);
}

template <class Kind>
typename Kind::backward::primitive_desc pooling_gradient(const ad_request &r, const primitive_attr &attr) {
  Window w(r, rank(md(r.source)) - 2);
  ad_request forward = r;
  forward.flags |= AD_TRAINING;
  auto hint = pooling_hint<Kind>(forward, attr);
  if constexpr (Kind::takes_dilations)
    return DESCRIBE_AFTER(typename Kind::backward, hint, pooling_algorithm(r), md(r.source), md(r.destination),
                          w.strides, w.kernel, w.dilations, w.low, w.high);
  else
    return DESCRIBE_AFTER(typename Kind::backward, hint, pooling_algorithm(r), md(r.source), md(r.destination),
                          w.strides, w.kernel, w.low, w.high);
}

template <class Kind> void plan_pooling_forward(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(ad_request{});
  auto pd = pooling_hint<Kind>(r, attr);
  plan.source = intern(pd.src_desc());
  plan.destination = intern(pd.dst_desc());
  plan.workspace_bytes = pd.workspace_desc().get_size();
  in.bind(DNNL_ARG_SRC, pd.src_desc(), AT(source));
  in.bind(DNNL_ARG_DST, pd.dst_desc(), AT(destination));
  in.bind(DNNL_ARG_WORKSPACE, pd.workspace_desc(), AT(workspace));
  finish(plan, in, pd);
}

template <class Kind> void plan_pooling_backward(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(ad_request{});
  auto pd = pooling_gradient<Kind>(r, attr);
  plan.source = intern(pd.diff_src_desc());
  plan.destination = intern(pd.diff_dst_desc());
  plan.workspace_bytes = pd.workspace_desc().get_size();
  in.bind(DNNL_ARG_DIFF_SRC, pd.diff_src_desc(), AT(source_gradient));
  in.bind(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), AT(destination_gradient));
  in.bind(DNNL_ARG_WORKSPACE, pd.workspace_desc(), AT(workspace));
  finish(plan, in, pd);
}

void plan_reorder(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(ad_request{});
  reorder::primitive_desc pd(cpu(), md(r.source), cpu(), md(r.destination), attr);
  plan.source = r.source;
  plan.destination = r.destination;
  in.bind(DNNL_ARG_SRC, md(r.source), AT(source));
  in.bind(DNNL_ARG_DST, md(r.destination), AT(destination));
  finish(plan, in, pd);
}

void plan_concatenate(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(ad_request{});
  std::vector<memory::desc> parts;
  for (int i = 0; i < AD_MAX_PARTS && r.parts[i] != AD_NONE; i++) parts.push_back(md(r.parts[i]));
#if DNNL_VERSION_MAJOR >= 3
  concat::primitive_desc pd(cpu(), md(r.destination), r.axis, parts, attr);
#else
  concat::primitive_desc pd(md(r.destination), r.axis, parts, cpu(), attr);
#endif
  plan.destination = intern(pd.dst_desc());
  for (size_t i = 0; i < parts.size(); i++)
    in.bind(DNNL_ARG_MULTIPLE_SRC + int(i), parts[i], AT(parts) + i * sizeof(void *));
  in.bind(DNNL_ARG_DST, pd.dst_desc(), AT(destination));
  finish(plan, in, pd);
}

} // namespace

void make(const ad_request &r, ad_plan &plan, Internals &in) {
  if (is(r, AD_WINOGRAD)) return plan_winograd(r, plan, in);
  switch (ad_kind(r.kind)) {
  case AD_CONVOLUTION_FORWARD: return plan_convolution_forward(r, plan, in);
  case AD_CONVOLUTION_BACKWARD_DATA: return plan_convolution_backward_data(r, plan, in);
  case AD_CONVOLUTION_BACKWARD_WEIGHTS: return plan_convolution_backward_weights(r, plan, in);
  case AD_LINEAR_FORWARD: return plan_linear_forward(r, plan, in);
  case AD_LINEAR_BACKWARD_DATA: return plan_linear_backward_data(r, plan, in);
  case AD_LINEAR_BACKWARD_WEIGHTS: return plan_linear_backward_weights(r, plan, in);
  case AD_BATCH_NORM_FORWARD: return plan_batch_norm_forward(r, plan, in);
  case AD_BATCH_NORM_BACKWARD: return plan_batch_norm_backward(r, plan, in);
  case AD_MAX_POOL_FORWARD:
  case AD_AVERAGE_POOL_FORWARD:
    return is_dilated(r) ? plan_pooling_forward<DilatedPooling>(r, plan, in) : plan_pooling_forward<Pooling>(r, plan, in);
  case AD_MAX_POOL_BACKWARD:
  case AD_AVERAGE_POOL_BACKWARD:
    return is_dilated(r) ? plan_pooling_backward<DilatedPooling>(r, plan, in) : plan_pooling_backward<Pooling>(r, plan, in);
  case AD_REORDER: return plan_reorder(r, plan, in);
  case AD_CONCATENATE: return plan_concatenate(r, plan, in);
  case AD_MATRIX_PRODUCT: return plan_matrix_product(r, plan, in);
  }
}

} // namespace aviary
