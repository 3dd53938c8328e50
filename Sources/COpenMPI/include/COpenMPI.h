// What Aviary needs of MPI: sums and exchanges that proceed while the caller computes. MPI's own names are macros, which
// Swift does not see; behind this header they are functions. All calls of MPI are made by one thread, which sleeps where
// there is nothing to do, so that it takes no processor from the computation.
#ifndef AVIARY_OPEN_MPI_H
#define AVIARY_OPEN_MPI_H

#include <stdbool.h>
#include <stddef.h>

/// Whether this was built with MPI.
bool am_is_available(void);

/// Joins the job that mpirun has started; alone where there is none. Returns null, or what went wrong.
const char *am_start(void);

/// Ends what am_start began. Every process of the job calls it.
void am_finish(void);

/// Ends all processes of the job; returns where that is left to whoever has started them.
void am_abort(int status);

/// Which of am_count processes this one is.
int am_rank(void);
int am_count(void);

/// Something under way between all processes. All of them begin the same ones in the same order.
typedef struct am_work am_work;

/// Begins to add up arrays of `count` floats. The memory belongs to the work until it has ended, and then holds the sum,
/// the same bits in every process: addends are added in the order of the ranks, whatever arrives first.
am_work *am_begin_sum(float *values, size_t count);

/// Begins to bring bytes of every process to all: `lengths[rank]` of each, which every process knows. They come to lie
/// in `all`, one after the other. Both memories belong to the work until it has ended; `lengths` is copied.
am_work *am_begin_gather(const void *own, const size_t *lengths, void *all);

/// Waits at most some seconds. Returns whether the work has ended.
bool am_wait(am_work *work, double seconds);

/// What went wrong in a work that has ended; null for nothing.
const char *am_fault(const am_work *work);

/// The lowest rank from which something is still missing; −1 where nothing is.
int am_missing(const am_work *work);

/// Frees a work that has ended.
void am_free(am_work *work);

/// From now on standard output goes nowhere.
void am_silence_output(void);

/// For tests of overlap: everything that is sent takes this much longer, in seconds a byte.
void am_slow_down(double seconds_per_byte);

#endif
