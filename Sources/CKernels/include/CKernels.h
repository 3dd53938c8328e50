// Aviary's own vector kernels: plain C, compiled for several instruction sets and chosen at run time.
#ifndef AVIARY_CKERNELS_H
#define AVIARY_CKERNELS_H

#include "adaptive_optimizers.h"
#include "attention.h"
#include "channel_order.h"
#include "channel_scaling.h"
#include "clipping.h"
#include "compute_thread.h"
#include "crc32c.h"
#include "current_work.h"
#include "elementwise.h"
#include "functions.h"
#include "nonfinite.h"
#include "normalization.h"
#include "embedding.h"
#include "optimizers.h"
#include "parallel.h"
#include "pool.h"
#include "random.h"
#include "rearrange.h"
#include "recurrent.h"
#include "resize.h"
#include "windows.h"
#include "winograd.h"
#include "sparse.h"

#endif
