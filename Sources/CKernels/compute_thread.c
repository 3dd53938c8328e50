#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // syscall
#endif
#include "compute_thread.h"

#include "parallel.h"
#include "processors.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

/// A body that has run for this long is interrupted between operations; shorter ones are served one after another.
#define LONG_BODY_NS 100000000LL
/// How long a body has its turn at least before it is interrupted again, and how often those that wait are looked at.
#define SLICE_NS 4000000LL
/// A compute thread beside the first ends after this time without work, and its team with it.
#define IDLE_NS 2000000000LL

typedef struct request {
  void (*body)(void *);
  void *context;
  bool alone, done, detached;
  pthread_cond_t finished;
} request;

typedef struct worker {
  /// 1 within an operation. Written by its own thread.
  atomic_int entered;
  /// 1 where the next entry or exit has to ask for the turn, or give it away.
  atomic_int recalled;
  // What follows is guarded by `lock`.
  bool exists;
  pthread_cond_t wake;
  request *request;
  long long begin, since;
} worker;

/// Who waits for a turn: a body not begun, or a compute thread in the middle of one.
typedef struct waiter {
  request *request;
  worker *worker;
  struct waiter *next;
} waiter;

static worker workers[AK_MOST_BODIES + 1]; // from 1
static _Thread_local int number;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static worker *holder; // whose turn it is
static waiter *first, **last = &first;
static pthread_cond_t watch = PTHREAD_COND_INITIALIZER;
static bool watcher_exists, watcher_sleeps;
static int team; // the size of the teams, once it has been set

static pthread_once_t prepared = PTHREAD_ONCE_INIT;
/// Whether the system can make all running threads of the process pass a memory barrier, so that operations need none.
static bool has_barrier;

static void prepare(void) {
#if defined(__linux__) && defined(SYS_membarrier)
  has_barrier = syscall(SYS_membarrier, 16 /* MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED */, 0) == 0;
#endif
}

/// Between a write of this thread and a read of what another wrote before it read the former.
static inline void light_barrier(void) {
  if (has_barrier) {
    atomic_signal_fence(memory_order_seq_cst);
  } else {
    atomic_thread_fence(memory_order_seq_cst);
  }
}

static void heavy_barrier(void) {
#if defined(__linux__) && defined(SYS_membarrier)
  if (has_barrier) {
    syscall(SYS_membarrier, 8 /* MEMBARRIER_CMD_PRIVATE_EXPEDITED */, 0);
    return;
  }
#endif
  atomic_thread_fence(memory_order_seq_cst);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/// Waits at most `nanoseconds`; false where they have passed.
static bool wait_for(pthread_cond_t *condition, long long nanoseconds) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  nanoseconds += until.tv_nsec;
  until.tv_sec += nanoseconds / 1000000000LL;
  until.tv_nsec = nanoseconds % 1000000000LL;
  return pthread_cond_timedwait(condition, &lock, &until) != ETIMEDOUT;
}

static void *serve(void *own);
static void *watch_over(void *unused);

static void start(void *(*body)(void *), void *context) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  // As roomy as a main thread: bodies of training steps run here.
  pthread_attr_setstacksize(&attributes, (size_t)16 << 20);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (pthread_create(&thread, &attributes, body, context) != 0) {
    fprintf(stderr, "aviary: the system gave no thread to compute on\n");
    exit(1);
  }
  pthread_attr_destroy(&attributes);
}

// MARK: - Turns, all under the lock

/// A compute thread for a new body: the first that is free, so that one serves for all until bodies overlap.
static worker *free_worker(void) {
  for (int index = 1; index <= AK_MOST_BODIES; index++) {
    if (!workers[index].exists || !workers[index].request) return &workers[index];
  }
  return NULL;
}

static void give_turn(worker *to) {
  holder = to;
  to->since = now();
}

/// Gives the turn, which nobody has, to who has waited longest.
static void pass_on(void) {
  for (waiter **place = &first; *place; place = &(*place)->next) {
    waiter *chosen = *place;
    worker *to = chosen->worker ? chosen->worker : free_worker();
    if (!to) continue; // too many bodies have begun
    *place = chosen->next;
    if (!*place) last = place;
    give_turn(to);
    if (chosen->worker) {
      pthread_cond_signal(&to->wake);
      return;
    }
    to->request = chosen->request;
    to->begin = to->since;
    atomic_store_explicit(&to->entered, to->request->alone, memory_order_relaxed);
    if (to->exists) {
      pthread_cond_signal(&to->wake);
    } else {
      to->exists = true;
      to->wake = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
      start(serve, to);
    }
    if (chosen->request->detached) free(chosen);
    return;
  }
}

static void line_up(waiter *entry) {
  entry->next = NULL;
  *last = entry;
  last = &entry->next;
  if (!holder) {
    pass_on();
  } else if (!watcher_exists) {
    watcher_exists = true;
    start(watch_over, NULL);
  } else if (watcher_sleeps) {
    pthread_cond_signal(&watch);
  }
}

/// Asks whose turn it is to give it away after the current operation; takes it where there is none.
static void press(void) {
  worker *asked = holder;
  atomic_store_explicit(&asked->recalled, 1, memory_order_relaxed);
  heavy_barrier();
  if (!atomic_load_explicit(&asked->entered, memory_order_acquire)) {
    holder = NULL;
    pass_on();
  }
}

/// Sees to it that nobody waits for long.
static void *watch_over(void *unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  for (;;) {
    if (!first) {
      watcher_sleeps = true;
      pthread_cond_wait(&watch, &lock);
      watcher_sleeps = false;
      continue;
    }
    if (holder) {
      long long time = now();
      long long due = holder->begin + LONG_BODY_NS;
      if (due < holder->since + SLICE_NS) due = holder->since + SLICE_NS;
      if (time >= due) press();
    }
    wait_for(&watch, SLICE_NS);
  }
  return NULL;
}

// MARK: - Compute threads

/// The largest team, as of --threads: OpenMP would take any number, and the process would break down under it.
#define MOST_THREADS 1024

/// The size of teams that nobody has set: OMP_NUM_THREADS where it is given (0: OpenMP knows), otherwise the processors that
/// this process may use. OpenMP knows the affinity mask, but no quota.
static int usual_team(void) {
  const char *given = getenv("OMP_NUM_THREADS");
  if (!given || !*given) return ap_processors();
  return ak_threads() > MOST_THREADS ? MOST_THREADS : 0;
}

static void *serve(void *own) {
  worker *self = own;
  number = (int)(self - workers);
  pthread_mutex_lock(&lock);
  for (;;) {
    while (!self->request) {
      if (number == 1) {
        pthread_cond_wait(&self->wake, &lock);
      } else if (!wait_for(&self->wake, IDLE_NS) && !self->request) {
        self->exists = false;
        pthread_mutex_unlock(&lock);
        return NULL;
      }
    }
    request *work = self->request;
    int threads = team ? team : usual_team();
    pthread_mutex_unlock(&lock);
    if (threads && threads != ak_threads()) ak_set_threads(threads);
    bool detached = work->detached;
    work->body(work->context);
    pthread_mutex_lock(&lock);
    atomic_store_explicit(&self->entered, 0, memory_order_relaxed);
    atomic_store_explicit(&self->recalled, 0, memory_order_relaxed);
    self->request = NULL;
    if (detached) {
      free(work);
    } else {
      work->done = true;
      pthread_cond_signal(&work->finished);
    }
    if (holder == self) {
      holder = NULL;
      pass_on();
    }
  }
  return NULL;
}

/// At an entry: gives the turn to others, or gets it back.
static void take_turn(worker *self) {
  pthread_mutex_lock(&lock);
  if (holder != self || first) {
    waiter entry = {NULL, self, NULL};
    if (holder == self) holder = NULL;
    line_up(&entry);
    while (holder != self) pthread_cond_wait(&self->wake, &lock);
  }
  atomic_store_explicit(&self->recalled, 0, memory_order_relaxed);
  pthread_mutex_unlock(&lock);
}

/// At an exit: gives the turn to others.
static void give_up_turn(worker *self) {
  pthread_mutex_lock(&lock);
  if (holder == self) {
    if (first) {
      holder = NULL;
      pass_on();
    } else {
      atomic_store_explicit(&self->recalled, 0, memory_order_relaxed);
    }
  }
  pthread_mutex_unlock(&lock);
}

// MARK: - For bodies and their callers

bool ak_on_compute_thread(void) { return number != 0; }

int ak_compute_thread_number(void) { return number; }

void ak_set_compute_threads(int threads) {
  ak_set_threads(threads);
  pthread_mutex_lock(&lock);
  team = threads;
  pthread_mutex_unlock(&lock);
}

bool ak_is_entered(void) { return number && atomic_load_explicit(&workers[number].entered, memory_order_relaxed); }

bool ak_enter(void) {
  worker *self = &workers[number];
  if (atomic_load_explicit(&self->entered, memory_order_relaxed)) return false;
  atomic_store_explicit(&self->entered, 1, memory_order_relaxed);
  light_barrier();
  if (atomic_load_explicit(&self->recalled, memory_order_relaxed)) take_turn(self);
  return true;
}

void ak_leave(void) {
  worker *self = &workers[number];
  // Whoever takes the turn now sees what the operation has written.
  atomic_store_explicit(&self->entered, 0, memory_order_release);
  light_barrier();
  if (atomic_load_explicit(&self->recalled, memory_order_relaxed)) give_up_turn(self);
}

void ak_compute(void (*body)(void *context), void *context, bool alone) {
  if (number) {
    bool entered = alone && ak_enter();
    body(context);
    if (entered) ak_leave();
    return;
  }
  pthread_once(&prepared, prepare);
  request work = {body, context, alone, false, false, PTHREAD_COND_INITIALIZER};
  waiter entry = {&work, NULL, NULL};
  pthread_mutex_lock(&lock);
  line_up(&entry);
  while (!work.done) pthread_cond_wait(&work.finished, &lock);
  pthread_mutex_unlock(&lock);
  pthread_cond_destroy(&work.finished);
}

void ak_compute_later(void (*body)(void *context), void *context) {
  pthread_once(&prepared, prepare);
  request *work = malloc(sizeof *work);
  waiter *entry = malloc(sizeof *entry);
  if (!work || !entry) {
    fprintf(stderr, "aviary: out of memory\n");
    exit(1);
  }
  *work = (request){body, context, false, false, true, PTHREAD_COND_INITIALIZER};
  *entry = (waiter){work, NULL, NULL};
  pthread_mutex_lock(&lock);
  line_up(entry);
  pthread_mutex_unlock(&lock);
}
