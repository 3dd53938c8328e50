// Linear maps and products of matrices.
#include "describing.hpp"

#include <utility>

using namespace dnnl;

namespace aviary {

namespace {

inner_product_forward::primitive_desc linear_hint(const ad_request &r, const primitive_attr &attr) {
  auto kind = is(r, AD_TRAINING) ? prop_kind::forward_training : prop_kind::forward_inference;
  if (r.bias == AD_NONE)
    return DESCRIBE(inner_product_forward, kind, md(r.source), md(r.weights), md(r.destination));
  return DESCRIBE(inner_product_forward, kind, md(r.source), md(r.weights), md(r.bias), md(r.destination));
}

/// A memory descriptor with its last two axes exchanged.
memory::desc transposed(const memory::desc &md) {
  std::vector<int> order(size_t(rank(md)));
  for (size_t i = 0; i < order.size(); i++) order[i] = int(i);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return md.permute_axes(order);
}

void plan_linear_forward_by_product(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(r);
  auto weights = transposed(md(r.weights));
  auto make = [&] {
    if (r.bias == AD_NONE) return DESCRIBE(matmul, md(r.source), weights, md(r.destination));
    return DESCRIBE(matmul, md(r.source), weights, md(r.bias).reshape({1, memory::dim(md(r.bias).get_size() / 4)}),
                    md(r.destination));
  };
  auto pd = make();
  plan.source = r.source;
  plan.weights = r.weights;
  plan.bias = r.bias;
  plan.destination = r.destination;
  in.bind(DNNL_ARG_SRC, pd.src_desc(), AT(source));
  in.bind(DNNL_ARG_WEIGHTS, pd.weights_desc(), AT(weights));
  if (r.bias != AD_NONE) in.bind(DNNL_ARG_BIAS, pd.bias_desc(), AT(bias));
  in.bind(DNNL_ARG_DST, pd.dst_desc(), AT(destination));
  finish(plan, in, pd);
}

} // namespace

void plan_linear_forward(const ad_request &r, ad_plan &plan, Internals &in) {
  if (is(r, AD_BY_MATRIX_PRODUCT)) return plan_linear_forward_by_product(r, plan, in);
  auto attr = attributes(r);
  auto pd = linear_hint(r, attr);
  plan.source = intern(pd.src_desc());
  plan.weights = intern(pd.weights_desc());
  plan.destination = intern(pd.dst_desc());
  in.bind(DNNL_ARG_SRC, pd.src_desc(), AT(source));
  in.bind(DNNL_ARG_WEIGHTS, pd.weights_desc(), AT(weights));
  if (r.bias != AD_NONE) in.bind(DNNL_ARG_BIAS, pd.bias_desc(), AT(bias));
  in.bind(DNNL_ARG_DST, pd.dst_desc(), AT(destination));
  finish(plan, in, pd);
}

void plan_linear_backward_data(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(ad_request{});
  ad_request forward = r;
  forward.flags = AD_TRAINING;
  forward.bias = AD_NONE;
  auto hint = linear_hint(forward, attr);
  auto pd = DESCRIBE_AFTER(inner_product_backward_data, hint, md(r.source), md(r.weights), md(r.destination));
  plan.source = intern(pd.diff_src_desc());
  plan.weights = intern(pd.weights_desc());
  plan.destination = intern(pd.diff_dst_desc());
  in.bind(DNNL_ARG_DIFF_SRC, pd.diff_src_desc(), AT(source_gradient));
  in.bind(DNNL_ARG_WEIGHTS, pd.weights_desc(), AT(weights));
  in.bind(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), AT(destination_gradient));
  finish(plan, in, pd);
}

void plan_linear_backward_weights(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(ad_request{});
  ad_request forward = r;
  forward.flags = AD_TRAINING;
  auto hint = linear_hint(forward, attr);
  auto make = [&] {
    if (r.bias == AD_NONE)
      return DESCRIBE_AFTER(inner_product_backward_weights, hint, md(r.source), md(r.weights), md(r.destination));
    return DESCRIBE_AFTER(
        inner_product_backward_weights, hint, md(r.source), md(r.weights), md(r.bias), md(r.destination));
  };
  auto pd = make();
  plan.source = intern(pd.src_desc());
  plan.weights = intern(pd.diff_weights_desc());
  plan.destination = intern(pd.diff_dst_desc());
  in.bind(DNNL_ARG_SRC, pd.src_desc(), AT(source));
  in.bind(DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc(), AT(weights_gradient));
  if (r.bias != AD_NONE) in.bind(DNNL_ARG_DIFF_BIAS, pd.diff_bias_desc(), AT(bias_gradient));
  in.bind(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), AT(destination_gradient));
  finish(plan, in, pd);
}

void plan_matrix_product(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(r);
  auto first = is(r, AD_TRANSPOSE_SOURCE) ? transposed(md(r.source)) : md(r.source);
  auto second = is(r, AD_TRANSPOSE_WEIGHTS) ? transposed(md(r.weights)) : md(r.weights);
  auto pd = DESCRIBE(matmul, first, second, md(r.destination));
  plan.source = r.source;
  plan.weights = r.weights;
  plan.destination = r.destination;
  in.bind(DNNL_ARG_SRC, first, AT(source));
  in.bind(DNNL_ARG_WEIGHTS, second, AT(weights));
  in.bind(DNNL_ARG_DST, md(r.destination), AT(destination));
  finish(plan, in, pd);
}

} // namespace aviary
