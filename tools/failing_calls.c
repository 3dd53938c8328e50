// Loaded before the C library (LD_PRELOAD), it makes the FAIL_AT-th of the calls that bring a file to the disk fail as on a
// full disk, counted from 1, and says on standard error which call that was: see tools/check-saving.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(const char *name) {
  static long left;
  static int known;
  if (!known) {
    const char *at = getenv("FAIL_AT");
    left = at ? atol(at) : 0;
    known = 1;
  }
  if (left <= 0 || --left) return 0;
  const char *log = getenv("FAIL_LOG");
  FILE *file = log ? fopen(log, "w") : NULL;
  if (file) {
    fprintf(file, "%s\n", name);
    fclose(file);
  }
  errno = ENOSPC;
  return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// What goes to the terminal is not counted.
ssize_t write(int file, const void *bytes, size_t count) {
  if (file > 2 && fails("write")) return -1;
  return NEXT(write)(file, bytes, count);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  if (file > 2 && fails("writev")) return -1;
  return NEXT(writev)(file, parts, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
  if (file > 2 && fails("pwrite")) return -1;
  return NEXT(pwrite)(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
  if (file > 2 && fails("pwrite64")) return -1;
  return NEXT(pwrite64)(file, bytes, count, at);
}

int ftruncate(int file, off_t size) { return fails("ftruncate") ? -1 : NEXT(ftruncate)(file, size); }
int ftruncate64(int file, off64_t size) { return fails("ftruncate64") ? -1 : NEXT(ftruncate64)(file, size); }
int fsync(int file) { return fails("fsync") ? -1 : NEXT(fsync)(file); }
int mkstemp(char *template) { return fails("mkstemp") ? -1 : NEXT(mkstemp)(template); }
int mkstemp64(char *template) { return fails("mkstemp64") ? -1 : NEXT(mkstemp64)(template); }
int rename(const char *from, const char *to) { return fails("rename") ? -1 : NEXT(rename)(from, to); }
