// What the files of resizing share.
#ifndef AVIARY_RESIZE_INTERNAL_H
#define AVIARY_RESIZE_INTERNAL_H

#include "resize.h"

// One horizontal pass.
typedef struct resize_pass {
  const uint8_t *in;
  size_t in_stride;
  uint8_t *out;
  size_t rows;
  size_t out_width;
  const int32_t *starts;
  const int32_t *counts;
  const int32_t *weights;
  size_t taps;
} resize_pass;

// Each computes some of the first rows and returns their number: it reads up to 16 bytes from any tap on, and so leaves out
// rows whose taps are nearer to the end of the last one than that.
size_t resize_avx512_horizontal(const resize_pass *pass);
size_t resize_avx2_horizontal(const resize_pass *pass);

#endif
