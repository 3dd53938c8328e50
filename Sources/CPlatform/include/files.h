#ifndef AVIARY_FILES_H
#define AVIARY_FILES_H

#include <stdint.h>

/// Asks the system to start writing `count` bytes of a file from `offset` on to the disk, without waiting. A hint: it does
/// nothing on systems without such a call.
void ap_begin_write_back(int descriptor, int64_t offset, int64_t count);

#endif
