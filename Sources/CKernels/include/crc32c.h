#ifndef AVIARY_CRC32C_H
#define AVIARY_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#endif
