#ifndef AVIARY_RANDOM_H
#define AVIARY_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#endif
