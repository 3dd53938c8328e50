// A `malloc` that counts and calls the C library's. The whole process uses it, because an executable's symbols come first.
// Nothing is counted without GNU's C library, or under sanitizers, which replace `malloc` themselves.
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
