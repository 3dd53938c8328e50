// Winograd's kernels with AVX-512.
#include "winograd_internal.h"

#if defined(__x86_64__)
// Without the second, values that wide are taken apart.
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#define WIDTH 16
#define ROWS 14
#define NAME(x) winograd_avx512_##x
#include "winograd_kernels.h"
#pragma clang attribute pop
#pragma clang attribute pop
#endif
