#include "describing.hpp"

#include <algorithm>
#include <deque>
#include <mutex>
#include <unordered_map>

namespace aviary {

namespace {
struct Entry {
  dnnl::memory::desc description;
  size_t bytes;
  ad_layout plain;
  int channel_block;
  bool is_of_bfloat16;
};

// What the program has once, it has until the very end: threads may be at work while its statics are destroyed.

// A deque, so that references stay valid while the table grows. A program meets a few hundred layouts.
std::deque<Entry> &table() {
  static auto &entries = *new std::deque<Entry>;
  return entries;
}

// Tensors are made on any thread.
std::mutex &lock() {
  static auto &value = *new std::mutex;
  return value;
}

/// Dimensions, by which the layouts that every operation asks for are found without a descriptor being made.
struct Shape {
  int64_t values[AD_MAX_RANK];
  int rank;

  bool operator==(const Shape &other) const {
    return rank == other.rank && std::equal(values, values + rank, other.values);
  }
};

struct ShapeHash {
  size_t operator()(const Shape &shape) const {
    uint64_t hash = 0xcbf29ce484222325u ^ uint64_t(shape.rank);
    for (int i = 0; i < shape.rank; i++) hash = (hash ^ uint64_t(shape.values[i])) * 0x100000001b3u;
    return size_t(hash ^ (hash >> 32));
  }
};

using Known = std::unordered_map<Shape, ad_layout, ShapeHash>;

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

dnnl::memory::data_type type_of(ad_type type) {
  switch (type) {
  case AD_INT8: return dnnl::memory::data_type::s8;
  case AD_UINT8: return dnnl::memory::data_type::u8;
  case AD_BFLOAT16: return dnnl::memory::data_type::bf16;
  default: return dnnl::memory::data_type::f32;
  }
}

dnnl::memory::desc plain(const dnnl::memory::dims &d, ad_type type = AD_FLOAT) {
  dnnl::memory::dims strides(d.size());
  int64_t step = 1;
  for (size_t i = d.size(); i-- > 0;) {
    strides[i] = step;
    step *= d[i] > 0 ? d[i] : 1;
  }
  return dnnl::memory::desc(d, type_of(type), strides);
}

/// The channels, which are the second axis, innermost.
dnnl::memory::desc channels_last(const dnnl::memory::dims &d, ad_type type) {
  dnnl::memory::dims strides(d.size());
  int64_t step = d.size() > 1 ? std::max<int64_t>(d[1], 1) : 1;
  for (size_t i = d.size(); i-- > 0;) {
    if (i == 1) continue;
    strides[i] = step;
    step *= d[i] > 0 ? d[i] : 1;
  }
  if (d.size() > 1) strides[1] = 1;
  return dnnl::memory::desc(d, type_of(type), strides);
}

/// Floats at the strides of a descriptor, or row-major where it is of blocks.
dnnl::memory::desc floats_of(const dnnl::memory::desc &md) {
  auto d = dims_of(md);
#if DNNL_VERSION_MAJOR >= 3
  if (md.get_inner_nblks() > 0) return plain(d);
  return dnnl::memory::desc(d, dnnl::memory::data_type::f32, md.get_strides());
#else
  const auto &blocks = md.data.format_desc.blocking;
  if (blocks.inner_nblks > 0) return plain(d);
  return dnnl::memory::desc(
      d, dnnl::memory::data_type::f32, dnnl::memory::dims(blocks.strides, blocks.strides + d.size()));
#endif
}

/// The channels in blocks of 16 or of 8, for one to three spatial axes.
dnnl::memory::desc blocked(const dnnl::memory::dims &d, int block) {
  using tag = dnnl::memory::format_tag;
  static const tag by_16[] = {tag::nCw16c, tag::nChw16c, tag::nCdhw16c}, by_8[] = {tag::nCw8c, tag::nChw8c, tag::nCdhw8c};
  return dnnl::memory::desc(d, dnnl::memory::data_type::f32, (block == 16 ? by_16 : by_8)[d.size() - 3]);
}

/// The block of a layout that is blocked by channels and by nothing else, or 0.
int channel_block(const dnnl::memory::desc &md) {
  const auto sizes = dims_of(md);
  if (sizes.size() < 3 || sizes.size() > 5) return 0;
  return blocked(sizes, 16) == md ? 16 : blocked(sizes, 8) == md ? 8 : 0;
}

/// The place of a descriptor in the table, where it is put if it is new; the caller holds the lock.
ad_layout place(const dnnl::memory::desc &md) {
  auto &entries = table();
  for (size_t i = 0; i < entries.size(); i++)
    if (entries[i].description == md) return ad_layout(i);
  // The row-major layout of the same dimensions comes first, and is its own.
  auto rows = plain(dims_of(md));
  ad_layout own = rows == md ? ad_layout(entries.size()) : place(rows);
  const int block = own == ad_layout(entries.size()) ? 0 : channel_block(md);
  entries.push_back({md, md.get_size(), own, block, is_of_bfloat16(md)});
  return ad_layout(entries.size() - 1);
}

/// The layout of these dimensions, by `make` where they have not been met.
template <typename Make> ad_layout find(Known &known, const int64_t *dimensions, int rank, Make make) {
  std::lock_guard<std::mutex> guard(lock());
  if (rank > AD_MAX_RANK) return place(make(dims(dimensions, rank)));
  Shape shape;
  shape.rank = rank;
  std::copy(dimensions, dimensions + rank, shape.values);
  auto found = known.find(shape);
  if (found != known.end()) return found->second;
  ad_layout layout = place(make(dims(dimensions, rank)));
  known.emplace(shape, layout);
  return layout;
}

} // namespace

ad_layout intern(const dnnl::memory::desc &md) {
  std::lock_guard<std::mutex> guard(lock());
  return place(md);
}

const dnnl::memory::desc &description(ad_layout layout) {
  std::lock_guard<std::mutex> guard(lock());
  return table()[size_t(layout)].description;
}

} // namespace aviary

using namespace aviary;

extern "C" {

ad_layout ad_layout_plain(const int64_t *dimensions, int rank) {
  static auto &known = *new Known;
  return find(known, dimensions, rank, [](const dnnl::memory::dims &d) { return plain(d); });
}

ad_layout ad_layout_any(const int64_t *dimensions, int rank) {
  return ad_layout_any_of_type(dimensions, rank, AD_FLOAT);
}

ad_layout ad_layout_plain_of_type(const int64_t *dimensions, int rank, ad_type type) {
  static auto *known = new Known[4];
  return find(known[type], dimensions, rank, [type](const dnnl::memory::dims &d) { return plain(d, type); });
}

ad_layout ad_layout_any_of_type(const int64_t *dimensions, int rank, ad_type type) {
  static auto *known = new Known[4];
  return find(known[type], dimensions, rank, [type](const dnnl::memory::dims &d) {
    return dnnl::memory::desc(d, type_of(type), dnnl::memory::format_tag::any);
  });
}

ad_layout ad_layout_channels_last(const int64_t *dimensions, int rank, ad_type type) {
  static auto *known = new Known[4];
  return find(
      known[type], dimensions, rank, [type](const dnnl::memory::dims &d) { return channels_last(d, type); });
}

ad_layout ad_layout_blocked(const int64_t *dimensions, int rank, int block) {
  static auto *known = new Known[2];
  return find(
      known[block == 16], dimensions, rank, [block](const dnnl::memory::dims &d) { return blocked(d, block); });
}

ad_layout ad_layout_blocked_weights(const int64_t *dimensions, int rank) {
  using tag = dnnl::memory::format_tag;
  static auto &known = *new Known;
  return find(known, dimensions, rank, [](const dnnl::memory::dims &d) {
    return dnnl::memory::desc(d, dnnl::memory::data_type::f32, ad_has_avx512() ? tag::OIhw16i16o : tag::OIhw8i8o);
  });
}

ad_layout ad_layout_floats_of(ad_layout layout) { return intern(floats_of(description(layout))); }

ad_layout ad_layout_plain_of(ad_layout layout) {
  std::lock_guard<std::mutex> guard(lock());
  return table()[size_t(layout)].plain;
}

size_t ad_layout_bytes(ad_layout layout) {
  std::lock_guard<std::mutex> guard(lock());
  return table()[size_t(layout)].bytes;
}

bool ad_layout_is_of_bfloat16(ad_layout layout) {
  std::lock_guard<std::mutex> guard(lock());
  return table()[size_t(layout)].is_of_bfloat16;
}

bool ad_layout_is_plain(ad_layout layout) { return ad_layout_plain_of(layout) == layout; }

bool ad_layout_is_padded(ad_layout layout) {
  std::lock_guard<std::mutex> guard(lock());
  const auto &own = table()[size_t(layout)];
  return own.bytes != table()[size_t(own.plain)].bytes;
}

int ad_layout_channel_block(ad_layout layout) {
  std::lock_guard<std::mutex> guard(lock());
  return table()[size_t(layout)].channel_block;
}

int ad_layout_dimensions(ad_layout layout, int64_t dimensions[AD_MAX_RANK]) {
  const auto all = dims_of(description(layout));
  std::copy(all.begin(), all.end(), dimensions);
  return int(all.size());
}
}
