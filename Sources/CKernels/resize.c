#include "resize_internal.h"

#include <string.h>

#include "multiversion.h"
#include "processor.h"

typedef int32_t sum4 __attribute__((vector_size(16)));
typedef uint8_t pixel4 __attribute__((vector_size(4)));

static inline uint8_t clamped(int32_t sum) {
  int32_t value = sum >> AVIARY_RESIZE_BITS;
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

AVIARY_MULTIVERSION
static void horizontal(
    const uint8_t *in, size_t in_stride, uint8_t *out, size_t rows, size_t out_width, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, size_t taps) {
  const int32_t half = 1 << (AVIARY_RESIZE_BITS - 1);
  for (size_t y = 0; y < rows; y++, in += in_stride, out += 3 * out_width) {
    for (size_t x = 0; x < out_width; x++) {
      const uint8_t *pixel = in + 3 * (size_t)starts[x];
      const int32_t *weight = weights + x * taps;
      size_t count = (size_t)counts[x];
      // Three channels ride in a vector of four; the fourth belongs to the next pixel and is dropped. The last pixel
      // has no next one and is loaded by itself.
      sum4 sum = {half, half, half, half};
      for (size_t t = 0; t + 1 < count; t++, pixel += 3) {
        pixel4 channels;
        memcpy(&channels, pixel, 4);
        sum += __builtin_convertvector(channels, sum4) * weight[t];
      }
      if (count > 0) {
        sum4 channels = {pixel[0], pixel[1], pixel[2], 0};
        sum += channels * weight[count - 1];
      }
      out[3 * x] = clamped(sum[0]);
      out[3 * x + 1] = clamped(sum[1]);
      out[3 * x + 2] = clamped(sum[2]);
    }
  }
}

void aviary_resize_horizontal_by(
    int vector_bits, const uint8_t *in, size_t in_stride, uint8_t *out, size_t rows, size_t out_width,
    const int32_t *starts, const int32_t *counts, const int32_t *weights, size_t taps) {
  size_t done = 0;
#if defined(__x86_64__)
  const resize_pass pass = {in, in_stride, out, rows, out_width, starts, counts, weights, taps};
  if (vector_bits >= 512 && processor_has_avx512())
    done = resize_avx512_horizontal(&pass);
  else if (vector_bits >= 256 && processor_has_avx2())
    done = resize_avx2_horizontal(&pass);
#endif
  horizontal(
      in + done * in_stride, in_stride, out + done * 3 * out_width, rows - done, out_width, starts, counts, weights, taps);
}

void aviary_resize_horizontal(
    const uint8_t *in, size_t in_stride, uint8_t *out, size_t rows, size_t out_width, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, size_t taps) {
  aviary_resize_horizontal_by(512, in, in_stride, out, rows, out_width, starts, counts, weights, taps);
}

AVIARY_MULTIVERSION
void aviary_resize_vertical(
    const uint8_t *in, size_t in_stride, uint8_t *out, size_t row_bytes, size_t out_height, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, size_t taps) {
  // Columns go in blocks whose sums stay in registers or the first cache.
  enum { block = 256 };
  int32_t sums[block];
  for (size_t y = 0; y < out_height; y++, out += row_bytes) {
    const int32_t *weight = weights + y * taps;
    size_t count = (size_t)counts[y];
    for (size_t from = 0; from < row_bytes; from += block) {
      size_t length = row_bytes - from < block ? row_bytes - from : block;
      const uint8_t *row = in + (size_t)starts[y] * in_stride + from;
      for (size_t i = 0; i < length; i++) sums[i] = 1 << (AVIARY_RESIZE_BITS - 1);
      for (size_t t = 0; t < count; t++, row += in_stride) {
        int32_t factor = weight[t];
        for (size_t i = 0; i < length; i++) sums[i] += row[i] * factor;
      }
      for (size_t i = 0; i < length; i++) out[from + i] = clamped(sums[i]);
    }
  }
}

void aviary_planes_from_levels(
    const uint8_t *levels, float *planes, size_t pixels, size_t channels, const int32_t *source, const float *tables) {
  for (size_t c = 0; c < channels; c++) {
    const uint8_t *level = levels + source[c];
    const float *table = tables + 256 * c;
    float *plane = planes + c * pixels;
    if (channels == 3)
      for (size_t i = 0; i < pixels; i++) plane[i] = table[level[3 * i]];
    else
      for (size_t i = 0; i < pixels; i++) plane[i] = table[level[channels * i]];
  }
}

void aviary_mirror(const uint8_t *in, uint8_t *out, size_t width, size_t height) {
  for (size_t y = 0; y < height && width > 0; y++, in += 3 * width, out += 3 * width) {
    // The fourth byte of each is the next one's, which comes later.
    const uint8_t *pixel = in + 3 * (width - 1);
    memcpy(out, pixel, 3);
    for (size_t x = 1; x + 1 < width; x++) memcpy(out + 3 * x, pixel - 3 * x, 4);
    memcpy(out + 3 * (width - 1), in, 3);
  }
}
