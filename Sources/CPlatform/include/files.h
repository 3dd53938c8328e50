#ifndef AVIARY_FILES_H
#define AVIARY_FILES_H

#include <stdint.h>

/// Asks the system to start writing `count` bytes of a file from `offset` on to the disk, without waiting. A hint: it does
/// nothing on systems without such a call.
void ap_begin_write_back(int descriptor, int64_t offset, int64_t count);

/// Waits until everything written to a file or folder is on the disk, out of the disk's own cache, too. 0, or −1 with errno.
int ap_synchronize(int descriptor);

/// 1 if an open file is on a disk of this machine, where no other machine can truncate it, else 0.
int ap_is_local(int descriptor);

/// Writes the path of the running program, which may be a link. 0, or −1 where the system does not say it or `size` is too
/// small.
int ap_executable_path(char *path, int size);

#endif
