// oneDNN brings an OpenMP runtime (GNU's libgomp, or LLVM's libomp, which speaks libgomp's interface too). Its entry
// points are looked up at run time: compiling needs neither omp.h nor -fopenmp, and without a runtime all runs serially.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // RTLD_DEFAULT
#endif
#include "parallel.h"

#include <dlfcn.h>
#include <pthread.h>

static struct {
  void (*parallel)(void (*body)(void *), void *data, unsigned threads, unsigned flags);
  int (*thread_number)(void);
  int (*team_size)(void);
  int (*max_threads)(void);
  void (*set_threads)(int);
} openmp;
static int openmp_found = 0;
static pthread_once_t openmp_looked_up = PTHREAD_ONCE_INIT;

/// ISO C has no conversion from an object pointer to a function pointer; POSIX has this one.
#define LOOK_UP(slot, name) (*(void **)&(slot) = dlsym(RTLD_DEFAULT, name))

static void look_up(void) {
  LOOK_UP(openmp.parallel, "GOMP_parallel");
  LOOK_UP(openmp.thread_number, "omp_get_thread_num");
  LOOK_UP(openmp.team_size, "omp_get_num_threads");
  LOOK_UP(openmp.max_threads, "omp_get_max_threads");
  LOOK_UP(openmp.set_threads, "omp_set_num_threads");
  openmp_found = openmp.parallel && openmp.thread_number && openmp.team_size && openmp.max_threads &&
                 openmp.set_threads;
}

static int has_openmp(void) {
  pthread_once(&openmp_looked_up, look_up);
  return openmp_found;
}

int ak_threads(void) { return has_openmp() ? openmp.max_threads() : 1; }

void ak_set_threads(int threads) {
  if (has_openmp()) openmp.set_threads(threads < 1 ? 1 : threads);
}

typedef struct {
  void (*body)(void *context, int thread, int threads);
  void *context;
} team_work;

static void on_each_thread(void *data) {
  const team_work *work = data;
  work->body(work->context, openmp.thread_number(), openmp.team_size());
}

void ak_parallel(void (*body)(void *context, int thread, int threads), void *context) {
  if (!has_openmp()) {
    body(context, 0, 1);
    return;
  }
  team_work work = {body, context};
  openmp.parallel(on_each_thread, &work, 0, 0);  // 0 threads: the caller's own setting
}

typedef struct {
  void (*body)(void *context, size_t start, size_t end);
  void *context;
  size_t count, grain;
} range_work;

static void on_each_range(void *data, int thread, int threads) {
  const range_work *work = data;
  size_t pieces = work->count / (work->grain ? work->grain : 1);
  if (pieces > (size_t)threads) pieces = (size_t)threads;
  if (pieces < 1) pieces = 1;
  if ((size_t)thread >= pieces) return;
  const size_t lines = work->count / 16 + (work->count % 16 != 0);
  // The first `lines % pieces` pieces have one line more.
  const size_t share = lines / pieces, more = lines % pieces, index = (size_t)thread;
  const size_t first = index * share + (index < more ? index : more);
  const size_t last = first + share + (index < more ? 1 : 0);
  const size_t start = first * 16;
  const size_t end = last * 16 < work->count ? last * 16 : work->count;
  if (start < end) work->body(work->context, start, end);
}

void ak_parallel_ranges(
    size_t count, size_t grain, void (*body)(void *context, size_t start, size_t end), void *context) {
  if (count == 0) return;
  if (count < grain || count <= 16) {
    body(context, 0, count);
    return;
  }
  range_work work = {body, context, count, grain};
  ak_parallel(on_each_range, &work);
}
