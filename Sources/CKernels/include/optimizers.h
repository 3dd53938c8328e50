#ifndef AVIARY_OPTIMIZERS_H
#define AVIARY_OPTIMIZERS_H

#include <stddef.h>
#include <stdint.h>

#endif
