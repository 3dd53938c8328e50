// CMYK of JPEG files as RGB.
#ifndef AVIARY_IMAGE_CMYK_H
#define AVIARY_IMAGE_CMYK_H

#include <stddef.h>
#include <stdint.h>

// a * b / 255, rounded, for a and b up to 255.
static inline uint8_t aviary_scaled(unsigned a, unsigned b) {
  unsigned product = a * b + 128;
  return (uint8_t)(((product >> 8) + product) >> 8);
}

// CMYK in Adobe's polarity (255 is no ink), which is what files have, to RGB without colour management:
// (1 - C)(1 - K) a channel.
static inline void aviary_rgb_from_inverted_cmyk(const uint8_t *cmyk, uint8_t *rgb, size_t pixels) {
  for (size_t i = 0; i < pixels; i++) {
    unsigned light = cmyk[4 * i + 3];
    for (size_t c = 0; c < 3; c++) rgb[3 * i + c] = (uint8_t)(light - aviary_scaled(255u - cmyk[4 * i + c], light));
  }
}

#endif
