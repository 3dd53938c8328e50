#include "layouts.hpp"

#include <deque>
#include <mutex>

namespace aviary {

namespace {
struct Entry {
  dnnl::memory::desc description;
  ad_layout plain = AD_NONE;
};

// A deque, so that references stay valid while the table grows. A program meets a few hundred layouts.
std::deque<Entry> &table() {
  static std::deque<Entry> entries;
  return entries;
}

// Tensors are made on any thread.
std::mutex &lock() {
  static std::mutex value;
  return value;
}

// A descriptor without dimensions describes nothing at all: a scalar is seen as a vector of one element.
dnnl::memory::dims dims(const int64_t *values, int rank) {
  return rank == 0 ? dnnl::memory::dims{1} : dnnl::memory::dims(values, values + rank);
}

dnnl::memory::dims dims_of(const dnnl::memory::desc &md) {
#if DNNL_VERSION_MAJOR >= 3
  return md.get_dims();
#else
  return md.dims();
#endif
}

dnnl::memory::desc plain(const dnnl::memory::dims &d) {
  dnnl::memory::dims strides(d.size());
  int64_t step = 1;
  for (size_t i = d.size(); i-- > 0;) {
    strides[i] = step;
    step *= d[i] > 0 ? d[i] : 1;
  }
  return dnnl::memory::desc(d, dnnl::memory::data_type::f32, strides);
}
} // namespace

ad_layout intern(const dnnl::memory::desc &md) {
  std::lock_guard<std::mutex> guard(lock());
  auto &entries = table();
  for (size_t i = 0; i < entries.size(); i++)
    if (entries[i].description == md) return ad_layout(i);
  entries.push_back({md});
  return ad_layout(entries.size() - 1);
}

const dnnl::memory::desc &description(ad_layout layout) {
  std::lock_guard<std::mutex> guard(lock());
  return table()[size_t(layout)].description;
}

} // namespace aviary

using namespace aviary;

extern "C" {

ad_layout ad_layout_plain(const int64_t *dimensions, int rank) { return intern(plain(dims(dimensions, rank))); }

ad_layout ad_layout_any(const int64_t *dimensions, int rank) {
  return intern(dnnl::memory::desc(
      dims(dimensions, rank), dnnl::memory::data_type::f32, dnnl::memory::format_tag::any));
}

ad_layout ad_layout_plain_of(ad_layout layout) {
  {
    std::lock_guard<std::mutex> guard(lock());
    auto &entry = table()[size_t(layout)];
    if (entry.plain != AD_NONE) return entry.plain;
  }
  ad_layout found = intern(plain(dims_of(description(layout))));
  std::lock_guard<std::mutex> guard(lock());
  table()[size_t(layout)].plain = found;
  return found;
}

size_t ad_layout_bytes(ad_layout layout) { return description(layout).get_size(); }

bool ad_layout_is_plain(ad_layout layout) { return ad_layout_plain_of(layout) == layout; }

bool ad_layout_is_padded(ad_layout layout) {
  return description(layout).get_size() != description(ad_layout_plain_of(layout)).get_size();
}
}
