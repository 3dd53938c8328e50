// CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of every tensor in an Aviary file.
#ifndef AVIARY_CRC32C_H
#define AVIARY_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/// The CRC-32C of `count` bytes, continuing from `crc` (0 to begin), in the fastest way that the processor has.
uint32_t aviary_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The ways of old processors, for tests on new ones: without carry-less multiplication of wide registers, and by tables
/// alone.
uint32_t aviary_crc32c_narrow(uint32_t crc, const void *bytes, size_t count);
uint32_t aviary_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

#endif
