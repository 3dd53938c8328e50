// Blocks of memory for tensors, 64-byte aligned. Small blocks are kept for reuse by size class; large blocks come from one
// range of addresses, in which adjacent free blocks are merged.
#ifndef AVIARY_POOL_H
#define AVIARY_POOL_H

#include <stddef.h>
#include <stdint.h>

/// A block of at least `bytes` bytes; `capacity` receives its true size. Never null: the program exits where the system has no memory left.
void *ak_pool_allocate(size_t bytes, size_t *capacity);
/// Returns a block to the pool, from any thread.
void ak_pool_release(void *block, size_t capacity);
/// Frees every unused block.
void ak_pool_trim(void);
/// Frees the blocks that have been unused ever since the last call. Those that work needs again and again stay.
void ak_pool_trim_unneeded(void);

typedef struct ak_pool_statistics {
  uint64_t allocations; // blocks handed out
  uint64_t misses;      // of them, new from the system
  uint64_t held_bytes;  // of the system's memory, in use or kept, or between large blocks in use
} ak_pool_statistics;

ak_pool_statistics ak_pool_read_statistics(void);

/// The most memory that the process has had resident, in kilobytes.
long ak_peak_kilobytes(void);

#endif
