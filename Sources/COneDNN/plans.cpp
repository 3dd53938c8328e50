#include "primitives.hpp"

#include <cstring>
#include <memory>
#include <unordered_map>

using namespace aviary;

namespace {

std::string last_error;

struct RequestHash {
  size_t operator()(const ad_request &r) const {
    // FNV-1a over 32-bit words: a request has no padding between its fields.
    static_assert(sizeof(ad_request) % 4 == 0, "a request is an array of words");
    uint32_t words[sizeof(ad_request) / 4];
    std::memcpy(words, &r, sizeof r);
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t word : words) hash = (hash ^ word) * 0x100000001b3u;
    return size_t(hash ^ (hash >> 32));
  }
};

struct RequestEqual {
  bool operator()(const ad_request &a, const ad_request &b) const { return !std::memcmp(&a, &b, sizeof a); }
};

} // namespace

extern "C" {

const ad_plan *ad_plan_for(const ad_request *request) {
  static auto &plans = *new std::unordered_map<ad_request, std::unique_ptr<ad_plan>, RequestHash, RequestEqual>;
  auto found = plans.find(*request);
  if (found != plans.end()) return found->second.get();
  // What oneDNN has refused it refuses again.
  static auto &refusals = *new std::unordered_map<ad_request, std::string, RequestHash, RequestEqual>;
  auto refused = refusals.find(*request);
  if (refused != refusals.end()) {
    last_error = refused->second;
    return nullptr;
  }
  auto plan = std::make_unique<ad_plan>(ad_plan{AD_NONE, AD_NONE, AD_NONE, AD_NONE, 0, 0, nullptr, nullptr});
  auto internals = std::make_unique<Internals>();
  try {
    make(*request, *plan, *internals);
  } catch (const std::exception &e) {
    last_error = e.what();
    refusals.emplace(*request, last_error);
    return nullptr;
  }
  plan->implementation = internals->implementation.c_str();
  plan->internals = internals.release(); // plans live as long as the program
  return plans.emplace(*request, std::move(plan)).first->second.get();
}

ad_plan *ad_make_quantized(const ad_request *request, const ad_scales *scales) {
  auto plan = std::make_unique<ad_plan>(ad_plan{AD_NONE, AD_NONE, AD_NONE, AD_NONE, 0, 0, nullptr, nullptr});
  auto internals = std::make_unique<Internals>();
  try {
    make_quantized(*request, *scales, *plan, *internals);
  } catch (const std::exception &e) {
    last_error = e.what();
    return nullptr;
  }
  plan->implementation = internals->implementation.c_str();
  plan->internals = internals.release();
  return plan.release();
}

void ad_free_quantized(ad_plan *plan) {
  if (plan) delete static_cast<Internals *>(plan->internals);
  delete plan;
}

/// Whether the processor has all that an instruction set names: sets of bits, to which later processors add theirs.
static bool has(dnnl::cpu_isa set) {
  return (int(dnnl::get_effective_cpu_isa()) & int(set)) == int(set);
}

bool ad_has_int8(void) { return has(dnnl::cpu_isa::avx2_vnni) || has(dnnl::cpu_isa::avx512_core_vnni); }

bool ad_has_bfloat16(void) { return has(dnnl::cpu_isa::avx512_core_bf16); }

bool ad_execute(const ad_plan *plan, const ad_buffers *buffers) {
  auto &in = *static_cast<Internals *>(plan->internals);
  if (in.kernel) {
    in.kernel(*buffers);
    return true;
  }
  for (auto &binding : in.bindings) {
    void *address;
    std::memcpy(&address, reinterpret_cast<const char *>(buffers) + binding.offset, sizeof address);
    dnnl_memory_set_data_handle(binding.object.get(), address);
  }
  auto status =
      dnnl_primitive_execute(in.operation.get(), queue().get(), int(in.arguments.size()), in.arguments.data());
  if (status == dnnl_success) status = dnnl_stream_wait(queue().get());
  if (status != dnnl_success) last_error = "oneDNN status " + std::to_string(int(status));
  return status == dnnl_success;
}

const char *ad_last_error(void) { return last_error.c_str(); }

int ad_version(void) {
  auto v = dnnl_version();
  return v->major * 10000 + v->minor * 100 + v->patch;
}

bool ad_has_avx512(void) { return has(dnnl::cpu_isa::avx512_core); }
}
