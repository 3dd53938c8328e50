// Primitives made ready, behind plans.
#ifndef AVIARY_PRIMITIVES_HPP
#define AVIARY_PRIMITIVES_HPP

#include "COneDNN.h"

#include <dnnl.hpp>
#include <functional>
#include <string>
#include <vector>

namespace aviary {

dnnl::engine &cpu();
dnnl::stream &queue();

/// One argument of a primitive: its memory object and where its address stands in `ad_buffers`.
struct Argument {
  dnnl::memory object;
  size_t offset;
};

/// What stands behind a plan.
struct Internals {
  /// What runs in place of a primitive.
  std::function<void(const ad_buffers &)> kernel;
  dnnl::primitive operation;
  std::vector<dnnl_exec_arg_t> arguments;
  std::vector<Argument> bindings;
  std::string implementation;
  /// Numbers that belong to the primitive: a bias, scales.
  std::vector<std::vector<float>> numbers;
  std::vector<dnnl::memory> constants;

  void bind(int role, const dnnl::memory::desc &md, size_t offset);
  /// An argument that is the same in every execution.
  void keep(int role, std::vector<float> values);
};

/// Makes the primitive that a request asks for; throws `dnnl::error` where oneDNN has none.
void make(const ad_request &request, ad_plan &plan, Internals &internals);
/// The same for one of integers.
void make_quantized(const ad_request &request, const ad_scales &scales, ad_plan &plan, Internals &internals);

} // namespace aviary

#endif
