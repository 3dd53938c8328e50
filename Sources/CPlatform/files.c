#define _GNU_SOURCE  // for sync_file_range, which only Linux has
#include "files.h"

#include <fcntl.h>

void ap_begin_write_back(int descriptor, int64_t offset, int64_t count) {
#if defined(__linux__)
  (void)sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
#else
  (void)descriptor, (void)offset, (void)count;
#endif
}
