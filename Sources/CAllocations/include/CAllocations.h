// Counts the heap allocations of the program, for profiles.
#ifndef AVIARY_CALLOCATIONS_H
#define AVIARY_CALLOCATIONS_H

#include <stdbool.h>
#include <stdint.h>

/// Whether allocations can be counted on this system.
bool ca_counts(void);
/// Starts or stops counting.
void ca_count(bool on);
/// The blocks that `malloc` allocated while counting: Swift instances, arrays and closures, C++ objects.
uint64_t ca_allocations(void);

#endif
