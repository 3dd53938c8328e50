// Large blocks of memory, cut from one range of addresses. What is given back is joined with what lies free beside it and
// cut anew, so that blocks of one size serve those of another: the range is about as long as what is in use at once.
//
// Not for several threads at a time: the pool's lock is held by who calls.
#ifndef AVIARY_ARENA_H
#define AVIARY_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/// Blocks are multiples of it, and begin at multiples of it.
#define AK_ARENA_UNIT ((size_t)64 << 10)

/// A block of at least `bytes` bytes, with its size in `capacity`; null where the range is used up, or the system gives
/// none. The memory of a block may be new from the system, as it is where `ak_arena_length` has grown.
void *ak_arena_allocate(size_t bytes, size_t *capacity);
void ak_arena_release(void *block, size_t capacity);
/// Whether a block was cut from the range.
bool ak_arena_owns(const void *block);
/// How long the range has grown: what is in use, and what lies between.
size_t ak_arena_length(void);
/// Returns unused memory to the system.
void ak_arena_trim(void);
/// Returns the memory at the range's end that has been unused ever since the last call.
void ak_arena_trim_unneeded(void);

#endif
