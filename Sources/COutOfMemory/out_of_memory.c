// Allocations that end the program with one line where there is no memory. Swift's runtime and the C++ libraries abort or
// crash there, and nothing can be thrown from within them; files are replaced as a whole, so that ending at any moment is
// safe. The whole process uses these functions, because an executable's symbols come first.
// Nothing is replaced without GNU's C library, or under sanitizers, which replace them themselves.
#define _GNU_SOURCE
#include "COutOfMemory.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define AVIARY_SANITIZED
#endif
#endif

static bool ends_program;

void om_end_program_without_memory(void) { ends_program = true; }

#if defined(__GLIBC__) && !defined(AVIARY_SANITIZED)

// A program with an allocator of its own keeps it.
#define WEAK __attribute__((weak))

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static const char *advice = "raise the limit of memory (ulimit -v)";

/// What needs less memory, by subcommand. The C library passes the arguments to what runs before `main`.
__attribute__((constructor)) static void choose_advice(int count, char **arguments) {
  static const char *const known[][2] = {
      {"train", "lower --batch-size, --image-size, --workers or --threads"},
      {"finetune", "lower --batch-size, --image-size, --workers or --threads"},
      {"evaluate", "lower --workers or --threads"},
      {"features", "lower --workers or --threads"},
      {"predict", "give fewer or smaller files at once, or raise the limit of memory (ulimit -v)"},
      {"quantize", "lower --calibration, or raise the limit of memory (ulimit -v)"},
  };
  for (size_t i = 0; count > 1 && i < sizeof known / sizeof known[0]; i++)
    if (strcmp(arguments[1], known[i][0]) == 0) advice = known[i][1];
}

/// The line, made without allocating.
typedef struct {
  char text[512];
  size_t length;
} line;

static void add(line *l, const char *text) {
  for (; *text && l->length < sizeof l->text - 1; text++) l->text[l->length++] = *text;
}

static void add_number(line *l, size_t number) {
  char digits[24];
  int place = sizeof digits - 1;
  digits[place] = 0;
  do digits[--place] = (char)('0' + number % 10);
  while (number /= 10);
  add(l, digits + place);
}

static _Noreturn void end(const char *what, size_t bytes) {
  static atomic_bool ending;
  // The first thread that fails speaks; the others wait for the end.
  if (atomic_exchange(&ending, true))
    for (;;) pause();
  line l = {.length = 0};
  add(&l, "error: out of memory: ");
  if (bytes) {
    add_number(&l, bytes);
    add(&l, " bytes for ");
  }
  add(&l, what);
  add(&l, " could not be allocated; ");
  add(&l, advice);
  l.text[l.length++] = '\n';
  if (write(STDERR_FILENO, l.text, l.length) < 0) _exit(1);
  _exit(1);
}

/// What the thread is working on, where the program knows it: see CKernels.
extern const char *ak_current_work(void) __attribute__((weak));

static const char *current_work(void) {
  const char *work = ak_current_work ? ak_current_work() : "";
  return *work ? work : "data";
}

/// Above this a request is an impossible size, which its caller checks for.
#define POSSIBLE ((size_t)1 << 46)

static void *checked(void *memory, size_t bytes) {
  if (!memory && ends_program && bytes && bytes < POSSIBLE) end(current_work(), bytes);
  return memory;
}

WEAK void *malloc(size_t size) { return checked(__libc_malloc(size), size); }

WEAK void *calloc(size_t count, size_t size) {
  size_t bytes;
  void *memory = __libc_calloc(count, size);
  return __builtin_mul_overflow(count, size, &bytes) ? memory : checked(memory, bytes);
}

WEAK void *realloc(void *memory, size_t size) { return checked(__libc_realloc(memory, size), size); }

WEAK void *memalign(size_t alignment, size_t size) { return checked(__libc_memalign(alignment, size), size); }

WEAK void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

WEAK int posix_memalign(void **memory, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  void *found = memalign(alignment, size);
  if (!found && size) return ENOMEM;
  *memory = found;
  return 0;
}

WEAK int pthread_create(
    pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*body)(void *), void *restrict context) {
  static int (*_Atomic next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  if (!next) next = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
  int result = next(thread, attributes, body, context);
  if (ends_program && (result == EAGAIN || result == ENOMEM)) end("a thread", 0);
  return result;
}

/// Code that oneDNN makes lies in pages of its own. Memory that is only reserved, or a file's, has another way out.
WEAK void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  static void *(*_Atomic next)(void *, size_t, int, int, int, off_t);
  if (!next) next = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
  void *memory = next(address, size, protection, flags, file, offset);
  bool is_data = (flags & MAP_ANONYMOUS) && !(flags & MAP_NORESERVE) && (protection & PROT_WRITE);
  if (memory == MAP_FAILED && ends_program && errno == ENOMEM && is_data) end("code and data", size);
  return memory;
}

#endif
