#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

#define LARGEST ((size_t)1 << 40)
#define SMALLEST ((size_t)1 << 30)
/// By how much the range grows at least: a large page.
#define GROWTH ((size_t)2 << 20)

/// A free range. Ranges are sorted by address, and adjacent ones are merged.
typedef struct span {
  char *start;
  size_t size;
  struct span *next;
} span;

static char *base;       // of the addresses set apart
static size_t reserved;  // how many these are
static size_t usable;    // of them, from the base on, may be read and written
static size_t length;    // of them have been cut into blocks
static size_t needed;    // of them have been in use at some time since the end was last trimmed
static span *first;      // of the free stretches

/// Reserves address space, which costs no memory: as much as the process is allowed.
static bool reserve(void) {
  static bool tried;
  if (tried) return base;
  tried = true;
  for (size_t size = LARGEST; size >= SMALLEST && !base; size /= 2) {
    void *range = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) continue;
    // From a large page's beginning on.
    size_t skipped = -(uintptr_t)range & (GROWTH - 1);
    base = (char *)range + skipped;
    reserved = (size - skipped) / GROWTH * GROWTH;
#ifdef MADV_HUGEPAGE
    madvise(base, reserved, MADV_HUGEPAGE);
#endif
  }
  return base;
}

/// Makes the first `bytes` of the range usable.
static bool grow(size_t bytes) {
  if (bytes > reserved) return false;
  if (bytes > usable) {
    size_t wanted = (bytes + GROWTH - 1) / GROWTH * GROWTH;
    if (mprotect(base + usable, wanted - usable, PROT_READ | PROT_WRITE) != 0) return false;
    usable = wanted;
  }
  length = bytes;
  return true;
}

static void *in_use(char *block, size_t size) {
  size_t end = (size_t)(block - base) + size;
  if (end > needed) needed = end;
  return block;
}

void *ak_arena_allocate(size_t bytes, size_t *capacity) {
  if (bytes > LARGEST || !reserve()) return NULL;
  size_t size = (bytes + AK_ARENA_UNIT - 1) / AK_ARENA_UNIT * AK_ARENA_UNIT;
  *capacity = size;
  // The smallest stretch that is large enough, and of several the first.
  span **best = NULL, **last = NULL;
  for (span **place = &first; *place; place = &(*place)->next) {
    if ((*place)->size >= size && (!best || (*place)->size < (*best)->size)) best = place;
    last = place;
  }
  if (best) {
    span *found = *best;
    char *block = found->start;
    found->start += size;
    found->size -= size;
    if (found->size == 0) {
      *best = found->next;
      free(found);
    }
    return in_use(block, size);
  }
  // At the end of the range, where a free stretch may begin it.
  char *block = base + length;
  bool joins = last && (*last)->start + (*last)->size == block;
  if (joins) block = (*last)->start;
  if (!grow((size_t)(block - base) + size)) return NULL;
  if (joins) {
    free(*last);
    *last = NULL;
  }
  return in_use(block, size);
}

void ak_arena_release(void *block, size_t capacity) {
  char *start = block;
  span **place = &first;
  span *before = NULL;
  while (*place && (*place)->start < start) {
    before = *place;
    place = &before->next;
  }
  span *after = *place;
  bool joins_before = before && before->start + before->size == start;
  bool joins_after = after && start + capacity == after->start;
  if (joins_before) {
    before->size += capacity;
    if (joins_after) {
      before->size += after->size;
      before->next = after->next;
      free(after);
    }
  } else if (joins_after) {
    after->start = start;
    after->size += capacity;
  } else {
    span *made = malloc(sizeof *made);
    if (!made) return; // the block is lost, and nothing else
    *made = (span){start, capacity, after};
    *place = made;
  }
}

bool ak_arena_owns(const void *block) {
  uintptr_t address = (uintptr_t)block;
  return base && address >= (uintptr_t)base && address < (uintptr_t)base + reserved;
}

size_t ak_arena_length(void) { return length; }

void ak_arena_trim(void) {
  for (span **place = &first; *place;) {
    span *unused = *place;
    madvise(unused->start, unused->size, MADV_DONTNEED);
    if (unused->start + unused->size == base + length) {
      length = (size_t)(unused->start - base);
      *place = unused->next;
      free(unused);
    } else {
      place = &unused->next;
    }
  }
}

void ak_arena_trim_unneeded(void) {
  span **place = &first;
  while (*place && (*place)->next) place = &(*place)->next;
  span *last = *place;
  size_t used = length;
  if (last && last->start + last->size == base + length) {
    used = (size_t)(last->start - base);
    size_t kept = used > needed ? used : needed;
    if (kept < length) madvise(base + kept, length - kept, MADV_DONTNEED);
    last->size = kept - used;
    length = kept;
    if (last->size == 0) {
      *place = NULL;
      free(last);
    }
  }
  needed = used;
}
