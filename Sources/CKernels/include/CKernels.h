// Aviary's own vector kernels: plain C, compiled for several instruction sets and chosen at run time.
#ifndef AVIARY_CKERNELS_H
#define AVIARY_CKERNELS_H

#include "crc32c.h"
#include "optimizers.h"
#include "random.h"
#include "resize.h"
#include "elementwise.h"
#include "parallel.h"
#include "console.h"

#endif
