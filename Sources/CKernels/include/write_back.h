#ifndef AVIARY_WRITE_BACK_H
#define AVIARY_WRITE_BACK_H

#include <stdint.h>

/// Asks the system to start writing `count` bytes of a file, from `offset` on, to disk, without waiting. A hint: it does
/// nothing where the system has no such call.
void ak_begin_write_back(int descriptor, int64_t offset, int64_t count);

#endif
