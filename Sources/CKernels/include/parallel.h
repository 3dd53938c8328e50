#ifndef AVIARY_PARALLEL_H
#define AVIARY_PARALLEL_H

#include <stddef.h>
#include <stdint.h>

#endif
