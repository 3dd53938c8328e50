// Decodes image files through the C shim alone and prints size and CRC-32 of the RGB pixels, before orientation.
// For running the shim under sanitizers over a folder of hostile files:
//
//   clang -g -fsanitize=address,undefined -ISources/CImageCodecs/Shim/include tools/check_codecs.c
//     Sources/CImageCodecs/Shim/*.c -lturbojpeg -lspng -lwebp -lz -o check_codecs && ./check_codecs FILE...
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
    else
      check(paths[i], aviary_jpeg_size, aviary_jpeg_decode, bytes, length);
    free(bytes);
  }
  return 0;
}
