#include "pool.h"

#include "arena.h"

#include <pthread.h>
#include <stdbool.h>
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
/// From here on, below the arena's, they are whole pages.
#define MAPPED ((size_t)128 << 10)

typedef struct block {
  struct block *next;
} block;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block *kept[CLASSES];
/// How many blocks are kept, and the fewest that were since those that nobody needed were freed.
static size_t count[CLASSES], fewest[CLASSES];
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

/// The size of the blocks of a class.
static size_t size_of(size_t index) {
  if (index < STEPS) return (index + 1) * SMALLEST;
  size_t doubling = (size_t)1 << (index / STEPS + 8);
  return doubling + (index % STEPS + 1) * (doubling / STEPS);
}

/// Whether blocks of a size are mappings of their own: they go back to the system when they are freed. The C library keeps
/// what it has cut from its heaps, one for each thread, where something behind it is in use.
static bool is_mapped(size_t capacity) { return capacity >= MAPPED && capacity < HUGE_PAGE; }

static void *from_system(size_t capacity) {
  void *memory = NULL;
  if (is_mapped(capacity)) {
    memory = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) memory = NULL;
  } else if (posix_memalign(&memory, capacity >= HUGE_PAGE ? HUGE_PAGE : 64, capacity) != 0) {
    memory = NULL;
  }
  if (!memory) {
    fprintf(stderr, "aviary: out of memory (%zu bytes asked for)\n", capacity);
    exit(1);
  }
#ifdef MADV_HUGEPAGE
  if (capacity >= HUGE_PAGE) madvise(memory, capacity / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
  return memory;
}

static void to_system(void *memory, size_t capacity) {
  if (is_mapped(capacity)) munmap(memory, capacity);
  else free(memory);
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
      count[index]--;
      if (count[index] < fewest[index]) fewest[index] = count[index];
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
    count[index]++;
  }
  pthread_mutex_unlock(&lock);
}

/// Frees as many blocks of a class; the caller holds the lock.
static void free_kept(size_t index, size_t blocks) {
  for (size_t freed = 0; freed < blocks; freed++) {
    block *next = kept[index]->next;
    statistics.held_bytes -= size_of(index);
    to_system(kept[index], size_of(index));
    kept[index] = next;
  }
  count[index] -= blocks;
  fewest[index] = count[index];
}

void ak_pool_trim(void) {
  pthread_mutex_lock(&lock);
  size_t before = ak_arena_length();
  ak_arena_trim();
  statistics.held_bytes -= before - ak_arena_length();
  for (size_t index = 0; index < CLASSES; index++) free_kept(index, count[index]);
  pthread_mutex_unlock(&lock);
}

void ak_pool_trim_unneeded(void) {
  pthread_mutex_lock(&lock);
  size_t before = ak_arena_length();
  ak_arena_trim_unneeded();
  statistics.held_bytes -= before - ak_arena_length();
  for (size_t index = 0; index < CLASSES; index++) free_kept(index, fewest[index]);
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
