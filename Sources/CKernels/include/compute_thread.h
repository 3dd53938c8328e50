// Where Aviary computes: one thread at a time, out of a few.
//
// A body that is handed over runs on a compute thread from its beginning to its end. Only the thread whose turn it is may
// touch tensors, and it touches them only between `ak_enter` and `ak_leave`; between two such operations, a body that has
// run for long gives its turn to others that wait, whose bodies run on compute threads of their own. A body that waits for
// something outside of an operation does not have to be asked: its turn is taken.
//
// Each compute thread has its own OpenMP team, since the team belongs to the thread that starts it. There is one such
// thread until bodies overlap.
#ifndef AVIARY_COMPUTE_THREAD_H
#define AVIARY_COMPUTE_THREAD_H

#include <stdbool.h>

/// The most bodies that are begun and not ended at a time; others wait for their end.
enum { AK_MOST_BODIES = 255 };

/// Whether the caller is a compute thread.
bool ak_on_compute_thread(void);
/// The number of the calling compute thread, from 1 to AK_MOST_BODIES; 0 for any other.
int ak_compute_thread_number(void);

/// Runs `body(context)` on a compute thread and waits for its end; at once where the caller is one.
///
/// `alone`: the whole body is one operation, between whose parts nobody else's come.
void ak_compute(void (*body)(void *context), void *context, bool alone);
/// Has `body(context)` run on a compute thread, and does not wait.
void ak_compute_later(void (*body)(void *context), void *context);

/// Begins an operation of the calling compute thread's body, when it is its turn. False within an operation, which is not
/// to be ended by `ak_leave` then.
bool ak_enter(void);
/// Ends an operation.
void ak_leave(void);
/// Whether the calling compute thread is within an operation.
bool ak_is_entered(void);

/// Sets the size of the calling compute thread's team, and that of the others for the bodies that they begin from now on.
void ak_set_compute_threads(int threads);

#endif
