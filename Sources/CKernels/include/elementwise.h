#ifndef AVIARY_ELEMENTWISE_H
#define AVIARY_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

#endif
