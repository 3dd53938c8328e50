#ifndef AVIARY_RESIZE_H
#define AVIARY_RESIZE_H

#include <stddef.h>
#include <stdint.h>

// Antialiased resizing in fixed point, one axis at a time (horizontal, then vertical), equal to Pillow's to the last
// bit: weights are scaled by 2^22 and rounded away from zero, sums start at one half, results are clamped to 0...255.
enum { AVIARY_RESIZE_BITS = 22 };

// Widens or narrows `rows` rows of RGB pixels to `out_width`. Output pixel x is the sum over t < counts[x] of
// weights[x * taps + t] times input pixel starts[x] + t. `in_stride` is the bytes from a row to the next;
// output rows are packed. Those from counts[x] on are zero. |w| < 2^26, and the sum of their magnitudes for a pixel is below 2^23. Nothing before the
// first pixel of the first row that starts and counts name is read, nor beyond the last pixel of the last row.
void aviary_resize_horizontal(
    const uint8_t *in, size_t in_stride, uint8_t *out, size_t rows, size_t out_width, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, size_t taps);

// The same by vectors of at most this many bits (512, 256, or 0 for none), where the processor has them: for tests.
void aviary_resize_horizontal_by(
    int vector_bits, const uint8_t *in, size_t in_stride, uint8_t *out, size_t rows, size_t out_width,
    const int32_t *starts, const int32_t *counts, const int32_t *weights, size_t taps);

// The same for columns: output row y is the weighted sum of input rows starts[y] + t; `row_bytes` bytes of each row
// are processed.
void aviary_resize_vertical(
    const uint8_t *in, size_t in_stride, uint8_t *out, size_t row_bytes, size_t out_height, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, size_t taps);

// Interleaved channels of 8 bits to planes of Float32 by table: pixel i of plane c becomes
// tables[256 * c + levels[channels * i + source[c]]]. A table makes every value the same on every processor.
void aviary_planes_from_levels(
    const uint8_t *levels, float *planes, size_t pixels, size_t channels, const int32_t *source, const float *tables);

// RGB pixels with the order of each row reversed.
void aviary_mirror(const uint8_t *in, uint8_t *out, size_t width, size_t height);

#endif
