// Decodes image files through the C shim alone and prints size and CRC-32 of the RGB pixels, before orientation.
// For running the shim under sanitizers over a folder of hostile files:
//
//   clang -g -fsanitize=address,undefined -ISources/CImageCodecs/Shim/include tools/check_codecs.c
//     Sources/CImageCodecs/Shim/*.c -lturbojpeg -ljpeg -lspng -lwebp -lz -o check_codecs && ./check_codecs FILE...
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "CImageCodecs.h"

typedef aviary_image_report (*size_function)(const uint8_t *, size_t);
typedef aviary_image_report (*decode_function)(const uint8_t *, size_t, uint8_t *, int32_t, int32_t);

static void check(const char *path, size_function size, decode_function decode, const uint8_t *bytes, size_t count) {
  aviary_image_report report = size(bytes, count);
  if (report.status != AVIARY_IMAGE_OK) {
    printf("%s\trefused\t%d %s\n", path, report.status, report.message);
    return;
  }
  size_t length = 3 * (size_t)report.width * (size_t)report.height;
  if (length > 3 * (size_t)178956970) {
    printf("%s\trefused\ttoo large\n", path);
    return;
  }
  uint8_t *rgb = malloc(length);
  int32_t width = report.width, height = report.height;
  report = decode(bytes, count, rgb, width, height);
  if (report.status != AVIARY_IMAGE_OK)
    printf("%s\trefused\t%d %s\n", path, report.status, report.message);
  else
    printf("%s\t%dx%d\t%08lx\n", path, width, height, crc32_z(0, rgb, length));
  free(rgb);
}

// Parts of a JPEG file at all fractions of its size, which must be those of the whole where nothing is reduced.
static void check_parts(const char *path, const uint8_t *bytes, size_t count) {
  aviary_image_report size = aviary_jpeg_region_size(bytes, count);
  if (size.status != AVIARY_IMAGE_OK) return;
  if ((size_t)size.width > 178956970 / (size_t)size.height) return;
  uint8_t *whole = malloc(3 * (size_t)size.width * (size_t)size.height);
  int is_whole = aviary_jpeg_decode(bytes, count, whole, size.width, size.height).status == AVIARY_IMAGE_OK;
  for (int32_t denominator = 1; denominator <= 8; denominator *= 2) {
    int32_t width = (size.width + denominator - 1) / denominator, height = (size.height + denominator - 1) / denominator;
    for (int corner = 0; corner < 5; corner++) {
      aviary_image_region region = {0, 0, width, height};
      if (corner < 4) {
        region.width = (width + 1) / 2, region.height = (height + 1) / 2;
        region.x = corner % 2 ? width - region.width : 0, region.y = corner / 2 ? height - region.height : 0;
      }
      // As much as is promised, so that a sanitizer sees a write beyond it.
      const aviary_image_region asked = region;
      int32_t row_pixels = region.width + AVIARY_JPEG_MARGIN < width ? region.width + AVIARY_JPEG_MARGIN : width;
      uint8_t *rgb = malloc(3 * (size_t)row_pixels * (size_t)region.height);
      aviary_image_report report = aviary_jpeg_decode_region(bytes, count, denominator, &region, row_pixels, rgb);
      if (report.status == AVIARY_IMAGE_OK && denominator == 1) {
        if (!is_whole) printf("%s\ta part is decoded of a picture that is refused\n", path);
        for (int32_t y = 0; y < region.height && is_whole; y++) {
          const uint8_t *row = whole + 3 * ((size_t)(asked.y + y) * (size_t)size.width + (size_t)asked.x);
          const uint8_t *found = rgb + 3 * ((size_t)y * (size_t)region.width + (size_t)(asked.x - region.x));
          if (memcmp(row, found, 3 * (size_t)asked.width) == 0) continue;
          printf("%s\tother pixels in corner %d\n", path, corner);
          break;
        }
      }
      free(rgb);
    }
  }
  free(whole);
}

int main(int count, char **paths) {
  for (int i = 1; i < count; i++) {
    FILE *file = fopen(paths[i], "rb");
    if (!file) {
      perror(paths[i]);
      return 1;
    }
    fseek(file, 0, SEEK_END);
    size_t length = (size_t)ftell(file);
    rewind(file);
    // Exactly as long as the file, so that a sanitizer sees a read beyond it.
    uint8_t *bytes = malloc(length ? length : 1);
    if (fread(bytes, 1, length, file) != length) return 1;
    fclose(file);
    if (length > 12 && memcmp(bytes + 8, "WEBP", 4) == 0)
      check(paths[i], aviary_webp_size, aviary_webp_decode, bytes, length);
    else if (length > 8 && memcmp(bytes, "\x89PNG", 4) == 0)
      check(paths[i], aviary_png_size, aviary_png_decode, bytes, length);
    else {
      check(paths[i], aviary_jpeg_size, aviary_jpeg_decode, bytes, length);
      check_parts(paths[i], bytes, length);
    }
    free(bytes);
  }
  return 0;
}
