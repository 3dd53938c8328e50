// Winograd's kernels for any processor: vectors of eight floats, which are two registers of NEON or SSE.
#include "winograd_internal.h"

// Vectors wider than the registers are passed to inlined functions only.
#pragma clang diagnostic ignored "-Wpsabi"

#define WIDTH 8
#define ROWS 6
#define NAME(x) winograd_portable_##x
#include "winograd_kernels.h"
