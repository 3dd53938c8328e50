// Winograd's kernels with AVX2 and FMA.
#include "winograd_internal.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define WIDTH 8
#define ROWS 6
#define NAME(x) winograd_avx2_##x
#include "winograd_kernels.h"
#pragma clang attribute pop
#endif
