#include "pool.h"

#include "arena.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

// Size classes: eight to a doubling, so that at most an eighth of a block is wasted.
#define STEPS 8
#define CLASSES (STEPS * 48)
#define SMALLEST 64
#define HUGE_PAGE ((size_t)2 << 20)
/// From here on blocks are the arena's.
#define LARGE ((size_t)1 << 20)

typedef struct block {
  struct block *next;
} block;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block *kept[CLASSES];
static ak_pool_statistics statistics;

/// The class of a size, and the size that its blocks have.
static size_t class_of(size_t bytes, size_t *capacity) {
  if (bytes <= SMALLEST * STEPS) {
    size_t index = bytes <= SMALLEST ? 0 : (bytes - 1) / SMALLEST;
    *capacity = (index + 1) * SMALLEST;
    return index;
  }
  size_t doubling = (size_t)(63 - __builtin_clzll(bytes - 1)); // 2^doubling < bytes <= 2^(doubling + 1)
  size_t unit = ((size_t)1 << doubling) / STEPS;
  size_t step = (bytes - 1 - ((size_t)1 << doubling)) / unit;
  *capacity = ((size_t)1 << doubling) + (step + 1) * unit;
  return (doubling - 8) * STEPS + step;
}

static void *from_system(size_t capacity) {
  size_t alignment = capacity >= HUGE_PAGE ? HUGE_PAGE : 64;
  void *memory = NULL;
  if (posix_memalign(&memory, alignment, capacity) != 0) {
    fprintf(stderr, "aviary: out of memory (%zu bytes asked for)\n", capacity);
    exit(1);
  }
#ifdef MADV_HUGEPAGE
  if (capacity >= HUGE_PAGE) madvise(memory, capacity / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
  return memory;
}

/// A block of the arena; the caller holds the lock. The statistics of its memory are brought up to date.
static void *large(size_t bytes, size_t *capacity) {
  size_t before = ak_arena_length();
  void *found = ak_arena_allocate(bytes, capacity);
  if (ak_arena_length() > before) {
    statistics.misses++;
    statistics.held_bytes += ak_arena_length() - before;
  }
  return found;
}

void *ak_pool_allocate(size_t bytes, size_t *capacity) {
  pthread_mutex_lock(&lock);
  statistics.allocations++;
  void *found = bytes >= LARGE ? large(bytes, capacity) : NULL;
  if (!found) {
    size_t index = class_of(bytes, capacity);
    found = kept[index];
    if (found) {
      kept[index] = kept[index]->next;
    } else {
      statistics.misses++;
      statistics.held_bytes += *capacity;
    }
  }
  pthread_mutex_unlock(&lock);
  return found ? found : from_system(*capacity);
}

void ak_pool_release(void *memory, size_t capacity) {
  pthread_mutex_lock(&lock);
  if (ak_arena_owns(memory)) {
    ak_arena_release(memory, capacity);
  } else {
    size_t same;
    size_t index = class_of(capacity, &same);
    block *freed = memory;
    freed->next = kept[index];
    kept[index] = freed;
  }
  pthread_mutex_unlock(&lock);
}

void ak_pool_trim(void) {
  pthread_mutex_lock(&lock);
  size_t before = ak_arena_length();
  ak_arena_trim();
  statistics.held_bytes -= before - ak_arena_length();
  for (size_t index = 0; index < CLASSES; index++) {
    while (kept[index]) {
      block *next = kept[index]->next;
      size_t capacity;
      // The class's size: the smallest size of it, rounded up.
      if (index < STEPS) capacity = (index + 1) * SMALLEST;
      else {
        size_t power = (size_t)1 << (index / STEPS + 8);
        capacity = power + (index % STEPS + 1) * (power / STEPS);
      }
      statistics.held_bytes -= capacity;
      free(kept[index]);
      kept[index] = next;
    }
  }
  pthread_mutex_unlock(&lock);
}

ak_pool_statistics ak_pool_read_statistics(void) {
  pthread_mutex_lock(&lock);
  ak_pool_statistics copy = statistics;
  pthread_mutex_unlock(&lock);
  return copy;
}

long ak_peak_kilobytes(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#ifdef __APPLE__
  return usage.ru_maxrss / 1024; // macOS counts bytes
#else
  return usage.ru_maxrss;
#endif
}
