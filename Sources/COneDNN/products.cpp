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

/// The forward pass that a backward pass is told of. Where operands are of bfloat16 all of its are, in layouts left open.
ad_request hinting(ad_request r) {
  r.flags = AD_TRAINING;
  if (is_of_bfloat16(md(r.destination))) open_layouts(r, AD_BFLOAT16);
  return r;
}

/// A memory descriptor with its last two axes exchanged.
memory::desc transposed(const memory::desc &md) {
  std::vector<int> order(size_t(rank(md)));
  for (size_t i = 0; i < order.size(); i++) order[i] = int(i);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return md.permute_axes(order);
}

} // namespace

void plan_linear_forward(const ad_request &r, ad_plan &plan, Internals &in) {
  if (is(r, AD_BY_MATRIX_PRODUCT)) {
    ad_request product = r;
    product.flags |= AD_TRANSPOSE_WEIGHTS;
    return plan_matrix_product(product, plan, in);
  }
  auto attr = attributes(r);
  auto pd = linear_hint(r, attr);
  finish_forward(plan, in, pd, r.bias != AD_NONE);
}

void plan_linear_backward_data(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(ad_request{});
  ad_request forward = hinting(r);
  forward.bias = AD_NONE;
  auto hint = linear_hint(forward, attr);
  auto pd = DESCRIBE_AFTER(inner_product_backward_data, hint, md(r.source), md(r.weights), md(r.destination));
  finish_backward_data(plan, in, pd);
}

void plan_linear_backward_weights(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(ad_request{});
  ad_request forward = hinting(r);
  auto hint = linear_hint(forward, attr);
  auto make = [&] {
    if (r.bias == AD_NONE)
      return DESCRIBE_AFTER(inner_product_backward_weights, hint, md(r.source), md(r.weights), md(r.destination));
    return DESCRIBE_AFTER(
        inner_product_backward_weights, hint, md(r.source), md(r.weights), md(r.bias), md(r.destination));
  };
  auto pd = make();
  finish_backward_weights(plan, in, pd, r.bias != AD_NONE);
}

void plan_matrix_product(const ad_request &r, ad_plan &plan, Internals &in) {
  auto attr = attributes(r);
  auto first = is(r, AD_TRANSPOSE_SOURCE) ? transposed(md(r.source)) : md(r.source);
  auto second = is(r, AD_TRANSPOSE_WEIGHTS) ? transposed(md(r.weights)) : md(r.weights);
  auto make = [&] {
    if (r.bias == AD_NONE) return DESCRIBE(matmul, first, second, md(r.destination));
    // A row, which repeats.
    auto bias = md(r.bias).reshape({1, memory::dim(md(r.bias).get_size() / sizeof(float))});
    return DESCRIBE(matmul, first, second, bias, md(r.destination));
  };
  auto pd = make();
  // Under the caller's layouts, which know nothing of a transposition.
  plan.source = r.source;
  plan.weights = r.weights;
  plan.bias = r.bias;
  plan.destination = r.destination;
  in.bind(DNNL_ARG_SRC, first, AT(source));
  in.bind(DNNL_ARG_WEIGHTS, second, AT(weights));
  if (r.bias != AD_NONE) in.bind(DNNL_ARG_BIAS, pd.bias_desc(), AT(bias));
  in.bind(DNNL_ARG_DST, md(r.destination), AT(destination));
  finish(plan, in, pd);
}

} // namespace aviary
