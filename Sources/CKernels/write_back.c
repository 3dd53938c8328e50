#define _GNU_SOURCE  // sync_file_range is Linux's own.
#include "write_back.h"

#include <fcntl.h>

void ak_begin_write_back(int descriptor, int64_t offset, int64_t count) {
#if defined(__linux__)
  (void)sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
#else
  (void)descriptor, (void)offset, (void)count;
#endif
}
