#include <zlib.h>
#ifdef __linux__
// Swift's Glibc module leaves out statfs, which tells a local file from one on a network.
#include <sys/statfs.h>
#endif
