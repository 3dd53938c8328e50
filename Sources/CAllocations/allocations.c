// A `malloc` of the executable's own that counts and hands on to the C library's. Everything in the process finds it, because
// an executable's symbols come first. Elsewhere than with GNU's C library, and under sanitizers, which do the same, nothing
// is counted.
#include "CAllocations.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static atomic_bool counting;
static atomic_uint_fast64_t allocations;

void ca_count(bool on) { atomic_store(&counting, on); }

uint64_t ca_allocations(void) { return atomic_load(&allocations); }

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define AVIARY_SANITIZED
#endif
#endif

#if defined(__GLIBC__) && !defined(AVIARY_SANITIZED)

extern void *__libc_malloc(size_t size);

void *malloc(size_t size) {
  if (atomic_load_explicit(&counting, memory_order_relaxed))
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_malloc(size);
}

bool ca_counts(void) { return true; }

#else

bool ca_counts(void) { return false; }

#endif
