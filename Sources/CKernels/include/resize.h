#ifndef AVIARY_RESIZE_H
#define AVIARY_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#endif
