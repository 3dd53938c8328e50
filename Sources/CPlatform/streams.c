#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// At the end of the process. A stream remembers that a write failed, but not why; the flush of the rest does.
static void report_lost_output(void) {
  errno = 0;
  const int failed = fflush(stdout) != 0;
  const int reason = errno;
  if (!failed && !ferror(stdout)) return;
  fprintf(stderr, "error: standard output: cannot be written: %s; the results are incomplete\n",
          reason != 0 ? strerror(reason) : "an earlier write failed");
  fflush(stderr);
  _exit(1);
}

void ap_guard_standard_streams(void) {
  static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
  for (int descriptor = 0; descriptor <= 2; descriptor++) {
    if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free descriptor is this one, as those below are open.
    (void)open("/dev/null", modes[descriptor]);
  }
  (void)atexit(report_lost_output);
}
