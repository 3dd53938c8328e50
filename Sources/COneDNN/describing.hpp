// What the files share that describe primitives to oneDNN.
#ifndef AVIARY_DESCRIBING_HPP
#define AVIARY_DESCRIBING_HPP

#include "layouts.hpp"
#include "primitives.hpp"

#include <cstddef>

namespace aviary {

#define AT(field) offsetof(ad_buffers, field)

inline dnnl::memory::desc md(ad_layout layout) {
  return layout == AD_NONE ? dnnl::memory::desc() : description(layout);
}

inline bool is(const ad_request &r, ad_flag flag) { return r.flags & flag; }

inline int rank(const dnnl::memory::desc &md) {
#if DNNL_VERSION_MAJOR >= 3
  return md.get_ndims();
#else
  return md.data.ndims;
#endif
}

inline bool is_of_bfloat16(const dnnl::memory::desc &md) {
#if DNNL_VERSION_MAJOR >= 3
  return md.get_data_type() == dnnl::memory::data_type::bf16;
#else
  return md.data.data_type == dnnl_bf16;
#endif
}

/// Leaves the layouts of the operands for the primitive to choose; their dimensions stay.
inline void open_layouts(ad_request &r, ad_type type) {
  for (ad_layout *layout : {&r.source, &r.weights, &r.destination}) {
    if (*layout == AD_NONE) continue;
    int64_t sizes[AD_MAX_RANK];
    const int rank = ad_layout_dimensions(*layout, sizes);
    *layout = ad_layout_any_of_type(sizes, rank, type);
  }
}

inline dnnl::memory::dims spatial(const int32_t *values, int count) {
  return dnnl::memory::dims(values, values + count);
}

// oneDNN 2.x describes an operation first and makes the primitive from the description; 3.x does both at once.
#if DNNL_VERSION_MAJOR >= 3
#define DESCRIBE(Primitive, ...) Primitive::primitive_desc(cpu(), __VA_ARGS__, attr)
#define DESCRIBE_AFTER(Primitive, hint, ...) Primitive::primitive_desc(cpu(), __VA_ARGS__, hint, attr)
#else
#define DESCRIBE(Primitive, ...) Primitive::primitive_desc(Primitive::desc(__VA_ARGS__), attr, cpu())
#define DESCRIBE_AFTER(Primitive, hint, ...) Primitive::primitive_desc(Primitive::desc(__VA_ARGS__), attr, cpu(), hint)
#endif

/// Memory to work in that is ours, and the sum and relu of the flags.
dnnl::primitive_attr attributes(const ad_request &r);

/// Makes the primitive of a description, and notes what it works in.
template <typename PD> void finish(ad_plan &plan, Internals &in, const PD &pd) {
  in.operation = dnnl::primitive(pd.get());
  in.implementation = pd.impl_info_str();
  plan.scratchpad_bytes = pd.scratchpad_desc().get_size();
  in.bind(DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc(), AT(scratchpad));
}

// What operations with weights have in common. A bias that belongs to the plan is not passed to them.

template <typename PD> void finish_forward(ad_plan &plan, Internals &in, const PD &pd, bool takes_bias) {
  plan.source = intern(pd.src_desc());
  plan.weights = intern(pd.weights_desc());
  plan.destination = intern(pd.dst_desc());
  in.bind(DNNL_ARG_SRC, pd.src_desc(), AT(source));
  in.bind(DNNL_ARG_WEIGHTS, pd.weights_desc(), AT(weights));
  if (takes_bias) {
    plan.bias = intern(pd.bias_desc());
    in.bind(DNNL_ARG_BIAS, pd.bias_desc(), AT(bias));
  }
  in.bind(DNNL_ARG_DST, pd.dst_desc(), AT(destination));
  finish(plan, in, pd);
}

template <typename PD> void finish_backward_data(ad_plan &plan, Internals &in, const PD &pd) {
  plan.source = intern(pd.diff_src_desc());
  plan.weights = intern(pd.weights_desc());
  plan.destination = intern(pd.diff_dst_desc());
  in.bind(DNNL_ARG_DIFF_SRC, pd.diff_src_desc(), AT(source_gradient));
  in.bind(DNNL_ARG_WEIGHTS, pd.weights_desc(), AT(weights));
  in.bind(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), AT(destination_gradient));
  finish(plan, in, pd);
}

template <typename PD> void finish_backward_weights(ad_plan &plan, Internals &in, const PD &pd, bool has_bias) {
  plan.source = intern(pd.src_desc());
  plan.weights = intern(pd.diff_weights_desc());
  plan.destination = intern(pd.diff_dst_desc());
  in.bind(DNNL_ARG_SRC, pd.src_desc(), AT(source));
  in.bind(DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc(), AT(weights_gradient));
  if (has_bias) {
    plan.bias = intern(pd.diff_bias_desc());
    in.bind(DNNL_ARG_DIFF_BIAS, pd.diff_bias_desc(), AT(bias_gradient));
  }
  in.bind(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), AT(destination_gradient));
  finish(plan, in, pd);
}

// By the kernels of CKernels: winograd.cpp.
void plan_winograd(const ad_request &r, ad_plan &plan, Internals &in);

// Of matrices: products.cpp.
void plan_linear_forward(const ad_request &r, ad_plan &plan, Internals &in);
void plan_linear_backward_data(const ad_request &r, ad_plan &plan, Internals &in);
void plan_linear_backward_weights(const ad_request &r, ad_plan &plan, Internals &in);
void plan_matrix_product(const ad_request &r, ad_plan &plan, Internals &in);

} // namespace aviary

#endif
