// The one thread on which Aviary computes. It owns its OpenMP team: the team's size is a property of the thread that
// starts it, and Swift's own pool of threads would start one team each.
#ifndef AVIARY_COMPUTE_THREAD_H
#define AVIARY_COMPUTE_THREAD_H

#include <stdbool.h>

/// Whether the caller is the compute thread.
bool ak_on_compute_thread(void);
/// Runs `body(context)` on the compute thread and waits for it; at once where the caller is that thread.
void ak_compute(void (*body)(void *context), void *context);

#endif
