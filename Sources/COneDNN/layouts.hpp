// The table of interned layouts.
#ifndef AVIARY_LAYOUTS_HPP
#define AVIARY_LAYOUTS_HPP

#include "COneDNN.h"

#include <dnnl.hpp>

namespace aviary {

/// The identifier of a memory descriptor equal to this one.
ad_layout intern(const dnnl::memory::desc &description);
/// The memory descriptor that an identifier stands for.
const dnnl::memory::desc &description(ad_layout layout);

} // namespace aviary

#endif
