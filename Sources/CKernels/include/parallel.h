// The calling thread's OpenMP team, shared with oneDNN: one team a process instead of two that fight over the cores.
#ifndef AVIARY_PARALLEL_H
#define AVIARY_PARALLEL_H

#include <stddef.h>
#include <stdint.h>

/// The number of threads in the calling thread's team: 1 where the program carries no OpenMP runtime.
int ak_threads(void);

/// Sets the size of the calling thread's team (at least 1). Teams of other threads keep their size.
void ak_set_threads(int threads);

/// Runs `body(context, thread, threads)` once on every thread of the calling thread's team, and returns when all have
/// finished. Without an OpenMP runtime, and inside another parallel region, the caller runs it alone.
void ak_parallel(void (*body)(void *context, int thread, int threads), void *context);

/// Splits 0..<count into contiguous pieces, one a thread, and runs `body(context, start, end)` on each in parallel.
/// Pieces begin at multiples of 16 elements (one cache line of floats), hold at least `grain` elements or so, and
/// depend on `count`, `grain` and the number of threads only. Fewer than `grain` elements run on the caller.
void ak_parallel_ranges(
    size_t count, size_t grain, void (*body)(void *context, size_t start, size_t end), void *context);

#endif
