// How often the program asks for memory, for profiles.
#ifndef AVIARY_CALLOCATIONS_H
#define AVIARY_CALLOCATIONS_H

#include <stdbool.h>
#include <stdint.h>

/// Whether allocations can be counted here.
bool ca_counts(void);
/// Begins to count, or ends it.
void ca_count(bool on);
/// How many blocks `malloc` has given while counting was on: instances, arrays and closures of Swift, objects of C++.
uint64_t ca_allocations(void);

#endif
