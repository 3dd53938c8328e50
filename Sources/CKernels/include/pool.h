// Blocks of memory for tensors, 64-byte aligned. Small ones are kept for reuse by size class; large ones are cut from one
// range of addresses, where free neighbours join.
#ifndef AVIARY_POOL_H
#define AVIARY_POOL_H

#include <stddef.h>
#include <stdint.h>

/// A block of at least `bytes` bytes; `capacity` receives its true size. Never null: a program without memory ends.
void *ak_pool_allocate(size_t bytes, size_t *capacity);
/// Gives a block back, from any thread.
void ak_pool_release(void *block, size_t capacity);
/// Frees every block that nobody holds.
void ak_pool_trim(void);

typedef struct ak_pool_statistics {
  uint64_t allocations; // blocks handed out
  uint64_t misses;      // of them, new from the system
  uint64_t held_bytes;  // of the system's memory, in use or kept, or between large blocks in use
} ak_pool_statistics;

ak_pool_statistics ak_pool_read_statistics(void);

/// The most memory that the process has had resident, in kilobytes.
long ak_peak_kilobytes(void);

#endif
