#ifndef AVIARY_WRITE_BACK_H
#define AVIARY_WRITE_BACK_H

#include <stdint.h>

/// Has the system begin to bring `count` bytes of a file from `offset` on to the disk, and does not wait. A hint, which does
/// nothing where there is no such call.
void ak_begin_write_back(int descriptor, int64_t offset, int64_t count);

#endif
