#include "interrupts.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

/// Lock-free, so that a signal handler may write it while any thread reads it.
static atomic_int interrupted = 0;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "an atomic int must be safe in a signal handler");

static struct sigaction former_interrupt, former_termination;
static int watching = 0;

static void on_signal(int signal_number) {
  if (atomic_exchange(&interrupted, 1)) _exit(128 + signal_number);
}

void ap_watch_interrupts(void) {
  if (watching) return;
  watching = 1;
  atomic_store(&interrupted, 0);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &former_interrupt);
  sigaction(SIGTERM, &action, &former_termination);
  // A parent that blocks signals hands that on: without this, Ctrl-C would never arrive.
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGTERM);
  pthread_sigmask(SIG_UNBLOCK, &watched, NULL);
}

void ap_unwatch_interrupts(void) {
  if (!watching) return;
  watching = 0;
  sigaction(SIGINT, &former_interrupt, NULL);
  sigaction(SIGTERM, &former_termination, NULL);
  atomic_store(&interrupted, 0);
}

int ap_interrupted(void) { return atomic_load(&interrupted); }
