// Still images from bytes in memory, as RGB of 8 bits a channel: libjpeg-turbo, libspng and libwebp behind one face.
//
// Every function returns a status and never jumps, exits or prints. Where it is not AVIARY_IMAGE_OK, `message` holds
// the library's own words, without a newline. Sizes are asked for first, so that the caller allocates (and may refuse
// to); a decode writes exactly 3 * width * height bytes or fails.
#ifndef AVIARY_IMAGE_CODECS_H
#define AVIARY_IMAGE_CODECS_H

#include <stddef.h>
#include <stdint.h>

enum aviary_image_status {
  AVIARY_IMAGE_OK = 0,
  // The bytes end before the picture does.
  AVIARY_IMAGE_TRUNCATED = 1,
  // The bytes break the rules of their format.
  AVIARY_IMAGE_DAMAGED = 2,
  // The bytes are valid, the library here does not decode this kind.
  AVIARY_IMAGE_UNSUPPORTED = 3,
  AVIARY_IMAGE_NO_MEMORY = 4,
};

#define AVIARY_IMAGE_MESSAGE_LENGTH 200

typedef struct aviary_image_report {
  int32_t status;
  int32_t width;
  int32_t height;
  char message[AVIARY_IMAGE_MESSAGE_LENGTH];
} aviary_image_report;

// The size that a decode will produce.
aviary_image_report aviary_jpeg_size(const uint8_t *bytes, size_t count);
aviary_image_report aviary_png_size(const uint8_t *bytes, size_t count);
aviary_image_report aviary_webp_size(const uint8_t *bytes, size_t count);

// Decodes to `rgb`, interleaved, rows from the top; `width` and `height` are those that the size function gave.
aviary_image_report aviary_jpeg_decode(
    const uint8_t *bytes, size_t count, uint8_t *rgb, int32_t width, int32_t height);
aviary_image_report aviary_png_decode(
    const uint8_t *bytes, size_t count, uint8_t *rgb, int32_t width, int32_t height);
aviary_image_report aviary_webp_decode(
    const uint8_t *bytes, size_t count, uint8_t *rgb, int32_t width, int32_t height);

// A part of a picture.
typedef struct aviary_image_region {
  int32_t x;
  int32_t y;
  int32_t width;
  int32_t height;
} aviary_image_region;

// The size of a picture of which parts can be decoded, in less time than aviary_jpeg_size takes.
aviary_image_report aviary_jpeg_region_size(const uint8_t *bytes, size_t count);

// Decodes a part of a picture, or of the picture at 1/2, 1/4 or 1/8 of its size (whose sides are rounded up): where the
// denominator is 1, the pixels that aviary_jpeg_decode has there. What is wrong with the file beyond the part may not be noticed,
// but that it was cut is; whatever is noticed, were it no more than a warning, is AVIARY_IMAGE_DAMAGED, and aviary_jpeg_decode
// has the last word on such a file.
//
// `rgb` has room for `row_pixels` pixels for each row, at least those of the region. Where all that has to be decoded of a row
// fits, it is kept: the region becomes as wide as what is in `rgb`, whose pixels besides those that were asked for may differ
// from the picture's.
aviary_image_report aviary_jpeg_decode_region(
    const uint8_t *bytes, size_t count, int32_t denominator, aviary_image_region *region, int32_t row_pixels,
    uint8_t *rgb);

// How many more pixels of a row than are wanted have to be decoded, at most.
enum { AVIARY_JPEG_MARGIN = 96 };

// The largest number of bytes that aviary_jpeg_encode can write for a picture of this size.
size_t aviary_jpeg_bound(int32_t width, int32_t height);

// Encodes RGB as a baseline JPEG with 4:2:0 chroma; `written` receives the number of bytes in `bytes`.
aviary_image_report aviary_jpeg_encode(
    const uint8_t *rgb, int32_t width, int32_t height, int32_t quality, uint8_t *bytes, size_t capacity,
    size_t *written);

#endif
