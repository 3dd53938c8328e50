#include "COpenMPI.h"

#include <fcntl.h>
#include <unistd.h>

void am_silence_output(void) {
  int nowhere = open("/dev/null", O_WRONLY);
  if (nowhere < 0) return;
  dup2(nowhere, STDOUT_FILENO);
  close(nowhere);
}

#ifdef AVIARY_MPI

#include <mpi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef enum { SUM, GATHER } kind;

struct am_work {
  kind kind;
  /// 0 before anything has been sent, 1 while addends travel, 2 while sums or bytes do, 3 at the end.
  int stage;
  /// The same in all processes: tags are made of it.
  uint64_t number;
  float *values;
  size_t count;
  /// The addends of this process's piece, by rank.
  float *addends;
  const void *own;
  char *all;
  size_t *lengths;
  /// Of each rank two, first what is received.
  MPI_Request *requests;
  atomic_int missing;
  size_t bytes;
  /// When what has been sent counts as arrived: see am_slow_down.
  double due;
  char fault[MPI_MAX_ERROR_STRING];
  bool is_done;
  struct am_work *next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_t thread;
static struct am_work *first, *last;
static int own_rank = 0, processes = 1;
static uint64_t begun = 0;
static bool is_started = false, is_ending = false;
static _Atomic int abort_status = -1;
static char start_fault[MPI_MAX_ERROR_STRING];
static double slowness = 0, link_free = 0;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

static void note(struct am_work *work, int error) {
  int length = 0;
  if (error != MPI_SUCCESS && !work->fault[0]) MPI_Error_string(error, work->fault, &length);
}

/// Where the piece of a rank begins.
static size_t start(const struct am_work *work, int rank) { return work->count * rank / processes; }

/// Sends bytes to another rank and receives others from it. No message is larger than MPI's counts can say.
static void swap(
    struct am_work *work, int rank, int tag, const void *out, size_t out_bytes, void *in, size_t in_bytes) {
  if (out_bytes > INT32_MAX || in_bytes > INT32_MAX) {
    strcpy(work->fault, "more than 2 GiB in one message");
    return;
  }
  note(work, MPI_Irecv(in, (int)in_bytes, MPI_BYTE, rank, tag, MPI_COMM_WORLD, &work->requests[2 * rank]));
  note(work, MPI_Isend(out, (int)out_bytes, MPI_BYTE, rank, tag, MPI_COMM_WORLD, &work->requests[2 * rank + 1]));
  work->bytes += out_bytes;
}

static void slow_down(struct am_work *work) {
  if (slowness <= 0) return;
  double time = now();
  link_free = (link_free > time ? link_free : time) + slowness * work->bytes;
  work->due = link_free;
}

/// What comes after a stage has ended.
static void advance(struct am_work *work) {
  // The number is that of the work, so that pieces of several works under way never mix.
  int tag = (int)(work->number % 8192) * 2;
  work->bytes = 0;
  if (work->kind == GATHER) {
    if (++work->stage == 2) {
      work->stage = 3;
      return;
    }
    size_t at = 0;
    for (int rank = 0; rank < processes; rank++) {
      if (rank == own_rank) {
        memcpy(work->all + at, work->own, work->lengths[rank]);
      } else {
        swap(work, rank, tag, work->own, work->lengths[own_rank], work->all + at, work->lengths[rank]);
      }
      at += work->lengths[rank];
    }
    return slow_down(work);
  }
  size_t from = start(work, own_rank), length = start(work, own_rank + 1) - from;
  float *mine = work->values + from;
  if (++work->stage == 1) {
    for (int rank = 0; rank < processes; rank++) {
      if (rank == own_rank) continue;
      size_t theirs = start(work, rank);
      swap(
          work, rank, tag, work->values + theirs, (start(work, rank + 1) - theirs) * sizeof(float),
          work->addends + rank * length, length * sizeof(float));
    }
  } else if (work->stage == 2) {
    // In the order of the ranks: the same bits for any timing.
    memcpy(work->addends + own_rank * length, mine, length * sizeof(float));
    memcpy(mine, work->addends, length * sizeof(float));
    for (int rank = 1; rank < processes; rank++) {
      const float *addend = work->addends + rank * length;
      for (size_t i = 0; i < length; i++) mine[i] += addend[i];
    }
    for (int rank = 0; rank < processes; rank++) {
      if (rank == own_rank) continue;
      size_t theirs = start(work, rank);
      swap(
          work, rank, tag + 1, mine, length * sizeof(float), work->values + theirs,
          (start(work, rank + 1) - theirs) * sizeof(float));
    }
  }
  slow_down(work);
}

/// Takes a work as far as it goes without waiting. Returns whether anything happened.
static bool proceed(struct am_work *work) {
  if (work->stage > 0) {
    int all = 1;
    for (int i = 0; i < 2 * processes; i++) {
      int done = 1;
      if (work->requests[i] != MPI_REQUEST_NULL) note(work, MPI_Test(&work->requests[i], &done, MPI_STATUS_IGNORE));
      if (!done && all) {
        atomic_store(&work->missing, i / 2);
        all = 0;
      }
    }
    if (!work->fault[0] && (!all || (work->due > 0 && now() < work->due))) return false;
  }
  if (!work->fault[0]) advance(work);
  if (work->fault[0]) work->stage = 3;
  if (work->stage == 3) atomic_store(&work->missing, -1);
  return true;
}

/// The thread that talks to MPI.
static void *communicate(void *unused) {
  (void)unused;
  int provided = 0, length = 0;
  int error = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  if (error == MPI_SUCCESS) {
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &own_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &processes);
  } else {
    MPI_Error_string(error, start_fault, &length);
  }
  pthread_mutex_lock(&mutex);
  is_started = true;
  pthread_cond_broadcast(&changed);
  long pause = 0;
  while (error == MPI_SUCCESS) {
    while (!first && !is_ending && abort_status < 0) pthread_cond_wait(&changed, &mutex);
    if (abort_status >= 0) {
      pthread_mutex_unlock(&mutex);
      MPI_Abort(MPI_COMM_WORLD, abort_status);
      return NULL;
    }
    if (!first) break;
    // Works are added at the end only, and removed by this thread.
    struct am_work *work = first;
    bool moved = false;
    pthread_mutex_unlock(&mutex);
    while (work) {
      moved |= proceed(work);
      pthread_mutex_lock(&mutex);
      work = work->next;
      pthread_mutex_unlock(&mutex);
    }
    // While nothing arrives the processor belongs to others.
    pause = moved ? 0 : pause < 20000 ? 20000 : pause < 500000 ? pause + pause / 8 : pause;
    if (pause) nanosleep(&(struct timespec){0, pause}, NULL);
    pthread_mutex_lock(&mutex);
    for (struct am_work **link = &first, *before = NULL; *link;) {
      struct am_work *ended = *link;
      if (ended->stage != 3) {
        before = ended;
        link = &ended->next;
        continue;
      }
      *link = ended->next;
      if (last == ended) last = before;
      ended->is_done = true;
      pthread_cond_broadcast(&changed);
    }
  }
  pthread_mutex_unlock(&mutex);
  if (error == MPI_SUCCESS) MPI_Finalize();
  return NULL;
}

bool am_is_available(void) { return true; }

const char *am_start(void) {
  if (is_started) return NULL;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
#ifdef __linux__
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
  pthread_cond_init(&changed, &attributes);
  if (pthread_create(&thread, NULL, communicate, NULL)) return "no thread can be started";
  pthread_mutex_lock(&mutex);
  while (!is_started) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
  return start_fault[0] ? start_fault : NULL;
}

void am_finish(void) {
  if (!is_started) return;
  pthread_mutex_lock(&mutex);
  is_ending = true;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  pthread_join(thread, NULL);
}

void am_abort(int status) {
  if (!is_started) return;
  pthread_mutex_lock(&mutex);
  abort_status = status;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  pthread_join(thread, NULL);
}

int am_rank(void) { return own_rank; }
int am_count(void) { return processes; }

static struct am_work *begin(struct am_work *work) {
  work->requests = malloc(2 * processes * sizeof(MPI_Request));
  for (int i = 0; i < 2 * processes; i++) work->requests[i] = MPI_REQUEST_NULL;
  pthread_mutex_lock(&mutex);
  work->number = begun++;
  if (last) last->next = work;
  else first = work;
  last = work;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  return work;
}

struct am_work *am_begin_sum(float *values, size_t count) {
  struct am_work *work = calloc(1, sizeof *work);
  work->kind = SUM;
  work->values = values;
  work->count = count;
  work->addends = malloc((start(work, own_rank + 1) - start(work, own_rank)) * processes * sizeof(float) + 1);
  return begin(work);
}

struct am_work *am_begin_gather(const void *own, const size_t *lengths, void *all) {
  struct am_work *work = calloc(1, sizeof *work);
  work->kind = GATHER;
  work->own = own;
  work->all = all;
  work->lengths = malloc(processes * sizeof *lengths);
  memcpy(work->lengths, lengths, processes * sizeof *lengths);
  return begin(work);
}

bool am_wait(struct am_work *work, double seconds) {
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  long nanoseconds = end.tv_nsec + (long)((seconds - (long)seconds) * 1e9);
  end.tv_sec += (long)seconds + nanoseconds / 1000000000;
  end.tv_nsec = nanoseconds % 1000000000;
  pthread_mutex_lock(&mutex);
  while (!work->is_done && !pthread_cond_timedwait(&changed, &mutex, &end)) continue;
  bool is_done = work->is_done;
  pthread_mutex_unlock(&mutex);
  return is_done;
}

const char *am_fault(const struct am_work *work) { return work->fault[0] ? work->fault : NULL; }
int am_missing(const struct am_work *work) { return atomic_load(&((struct am_work *)work)->missing); }

void am_free(struct am_work *work) {
  free(work->requests);
  free(work->addends);
  free(work->lengths);
  free(work);
}

void am_slow_down(double seconds_per_byte) { slowness = seconds_per_byte; }

#else

bool am_is_available(void) { return false; }
const char *am_start(void) { return "this program was built without MPI"; }
void am_finish(void) {}
void am_abort(int status) { (void)status; }
int am_rank(void) { return 0; }
int am_count(void) { return 1; }
am_work *am_begin_sum(float *values, size_t count) { (void)values, (void)count; return NULL; }
am_work *am_begin_gather(const void *own, const size_t *lengths, void *all) {
  (void)own, (void)lengths, (void)all;
  return NULL;
}
bool am_wait(am_work *work, double seconds) { (void)work, (void)seconds; return true; }
const char *am_fault(const am_work *work) { (void)work; return NULL; }
int am_missing(const am_work *work) { (void)work; return -1; }
void am_free(am_work *work) { (void)work; }
void am_slow_down(double seconds_per_byte) { (void)seconds_per_byte; }

#endif
