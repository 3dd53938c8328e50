#define _GNU_SOURCE  // for sync_file_range, which only Linux has
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/statfs.h>
#elif defined(__APPLE__)
#include <mach-o/dyld.h>
#include <sys/mount.h>
#endif

void ap_begin_write_back(int descriptor, int64_t offset, int64_t count) {
#if defined(__linux__)
  (void)sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
#else
  (void)descriptor, (void)offset, (void)count;
#endif
}

int ap_synchronize(int descriptor) {
#if defined(F_FULLFSYNC)
  // fsync leaves bytes in the disk's cache there. File systems that cannot do this do what they can.
  if (fcntl(descriptor, F_FULLFSYNC) == 0) return 0;
#endif
  return fsync(descriptor);
}

int ap_is_local(int descriptor) {
#if defined(__linux__)
  struct statfs system;
  if (fstatfs(descriptor, &system) != 0) return 0;
  switch ((uint32_t)system.f_type) {
  // The magic numbers of linux/magic.h: NFS, SMB, CIFS, SMB2, 9P, FUSE, AFS, Ceph.
  case 0x6969: case 0x517b: case 0xff534d42: case 0xfe534d42:
  case 0x01021997: case 0x65735546: case 0x5346414f: case 0x00c36400:
    return 0;
  default:
    return 1;
  }
#elif defined(__APPLE__)
  struct statfs system;
  return fstatfs(descriptor, &system) == 0 && (system.f_flags & MNT_LOCAL) != 0;
#else
  (void)descriptor;
  return 0;
#endif
}

int ap_executable_path(char *path, int size) {
#if defined(__linux__)
  ssize_t length = size > 0 ? readlink("/proc/self/exe", path, (size_t)size) : -1;
  if (length < 0 || length >= size) return -1;
  path[length] = 0;
  return 0;
#elif defined(__APPLE__)
  uint32_t capacity = size > 0 ? (uint32_t)size : 0;
  return _NSGetExecutablePath(path, &capacity) == 0 ? 0 : -1;
#else
  (void)path, (void)size;
  return -1;
#endif
}
