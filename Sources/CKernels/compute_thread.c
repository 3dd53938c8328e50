#include "compute_thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local bool is_compute_thread;

static pthread_once_t started = PTHREAD_ONCE_INIT;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; // held by the caller whose work is done
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // guards the two below
static pthread_cond_t posted = PTHREAD_COND_INITIALIZER, finished = PTHREAD_COND_INITIALIZER;
static void (*work)(void *);
static void *work_context;

static void *serve(void *unused) {
  (void)unused;
  is_compute_thread = true;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (!work) pthread_cond_wait(&posted, &lock);
    pthread_mutex_unlock(&lock);
    work(work_context);
    pthread_mutex_lock(&lock);
    work = NULL;
    pthread_cond_signal(&finished);
  }
  return NULL;
}

static void start(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  // As roomy as a main thread: bodies of training steps run here.
  pthread_attr_setstacksize(&attributes, (size_t)16 << 20);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (pthread_create(&thread, &attributes, serve, NULL) != 0) {
    fprintf(stderr, "aviary: the system gave no thread to compute on\n");
    exit(1);
  }
  pthread_attr_destroy(&attributes);
}

bool ak_on_compute_thread(void) { return is_compute_thread; }

void ak_compute(void (*body)(void *context), void *context) {
  if (is_compute_thread) {
    body(context);
    return;
  }
  pthread_once(&started, start);
  pthread_mutex_lock(&turn);
  pthread_mutex_lock(&lock);
  work = body;
  work_context = context;
  pthread_cond_signal(&posted);
  while (work) pthread_cond_wait(&finished, &lock);
  pthread_mutex_unlock(&lock);
  pthread_mutex_unlock(&turn);
}
