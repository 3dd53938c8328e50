#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

int ap_terminal_columns(int descriptor) {
  struct winsize size;
  if (!isatty(descriptor)) return 0;
  // The usual width, for a terminal that does not report its own.
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

int ap_terminal_rows(int descriptor) {
  struct winsize size;
  if (!isatty(descriptor)) return 0;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return 24;
  return size.ws_row;
}
