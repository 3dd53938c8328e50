// PNG through libspng.
#include <spng.h>
#include <stdlib.h>
#include <zlib.h>

#include "report.h"

static aviary_image_report fault(int error) {
  const char *message = spng_strerror(error);
  switch (error) {
    case SPNG_IO_EOF: return aviary_report_fault(AVIARY_IMAGE_TRUNCATED, "the file ends before the picture does");
    case SPNG_EMEM: return aviary_report_fault(AVIARY_IMAGE_NO_MEMORY, "out of memory");
    default: return aviary_report_fault(AVIARY_IMAGE_DAMAGED, message);
  }
}

// A decoder that has read the header, or NULL and the reason.
// `crc_action` is what a wrong checksum of a chunk of pixels does.
static spng_ctx *opened(
    const uint8_t *bytes, size_t count, int crc_action, struct spng_ihdr *header, aviary_image_report *report) {
  spng_ctx *decoder = spng_ctx_new(0);
  if (!decoder) {
    *report = aviary_report_fault(AVIARY_IMAGE_NO_MEMORY, "out of memory");
    return NULL;
  }
  spng_set_crc_action(decoder, crc_action, SPNG_CRC_DISCARD);
  // Text and colour profiles are passed over: no chunk makes the decoder keep much.
  spng_set_chunk_limits(decoder, 1 << 20, 1 << 22);
  int error = spng_set_png_buffer(decoder, bytes, count);
  if (!error) error = spng_get_ihdr(decoder, header);
  if (!error && (header->width == 0 || header->height == 0 || header->width > INT32_MAX || header->height > INT32_MAX))
    error = SPNG_EWIDTH;
  if (error) {
    *report = fault(error);
    spng_ctx_free(decoder);
    return NULL;
  }
  *report = aviary_report_size((int32_t)header->width, (int32_t)header->height);
  return decoder;
}

aviary_image_report aviary_png_size(const uint8_t *bytes, size_t count) {
  struct spng_ihdr header;
  aviary_image_report report;
  spng_ctx *decoder = opened(bytes, count, SPNG_CRC_ERROR, &header, &report);
  if (decoder) spng_ctx_free(decoder);
  return report;
}

static size_t number(const uint8_t *bytes) {
  return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

// Whether the compressed stream of the pixels runs to its end and its own checksum (Adler-32) is right.
static int stream_is_whole(const uint8_t *bytes, size_t count) {
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (inflateInit(&stream) != Z_OK) return 0;
  uint8_t scratch[1 << 14];
  int status = Z_OK;
  for (size_t at = 8; status == Z_OK && at + 12 <= count;) {
    size_t length = number(bytes + at);
    if (length > count - at - 12) break;
    if (memcmp(bytes + at + 4, "IDAT", 4) == 0) {
      stream.next_in = (Bytef *)(uintptr_t)(bytes + at + 8);
      stream.avail_in = (uInt)length;
      do {
        stream.next_out = scratch;
        stream.avail_out = sizeof scratch;
        status = inflate(&stream, Z_NO_FLUSH);
      } while (status == Z_OK && stream.avail_out == 0);
      // Everything given was taken and there was nothing left to write: the next chunk goes on.
      if (status == Z_BUF_ERROR && stream.avail_in == 0) status = Z_OK;
    }
    at += length + 12;
  }
  inflateEnd(&stream);
  return status == Z_STREAM_END;
}

// One row as the file stores it (samples of 1, 2 and 4 bits packed, of 16 bits big-endian) to RGB. Alpha is dropped,
// not blended; of 16 bits the high byte is kept.
static void rgb_from_row(
    const uint8_t *row, uint8_t *rgb, size_t width, const struct spng_ihdr *header, const uint8_t palette[256][3]) {
  size_t sample = header->bit_depth == 16 ? 2 : 1;
  switch (header->color_type) {
    case SPNG_COLOR_TYPE_TRUECOLOR:
    case SPNG_COLOR_TYPE_TRUECOLOR_ALPHA: {
      size_t stride = sample * (header->color_type == SPNG_COLOR_TYPE_TRUECOLOR ? 3 : 4);
      for (size_t x = 0; x < width; x++)
        for (size_t c = 0; c < 3; c++) rgb[3 * x + c] = row[x * stride + c * sample];
      break;
    }
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA:
      for (size_t x = 0; x < width; x++) memset(rgb + 3 * x, row[x * 2 * sample], 3);
      break;
    default: {
      size_t depth = header->bit_depth;
      unsigned top = (1u << (depth < 8 ? depth : 8)) - 1;
      for (size_t x = 0; x < width; x++) {
        unsigned value;
        if (depth >= 8)
          value = row[x * sample];
        else
          value = row[x * depth / 8] >> (8 - depth - x * depth % 8) & top;
        if (header->color_type == SPNG_COLOR_TYPE_INDEXED)
          memcpy(rgb + 3 * x, palette[value], 3);
        else
          memset(rgb + 3 * x, (int)(value * (255 / top)), 3);
      }
    }
  }
}

static aviary_image_report decode(
    spng_ctx *decoder, const struct spng_ihdr *header, uint8_t *rgb, int32_t width, int32_t height) {
  size_t image_size = 0;
  int error = spng_decoded_image_size(decoder, SPNG_FMT_RAW, &image_size);
  if (error) return fault(error);
  uint8_t palette[256][3] = {{0}};
  if (header->color_type == SPNG_COLOR_TYPE_INDEXED) {
    struct spng_plte stored;
    error = spng_get_plte(decoder, &stored);
    if (error) return fault(error);
    for (uint32_t i = 0; i < stored.n_entries && i < 256; i++) {
      palette[i][0] = stored.entries[i].red;
      palette[i][1] = stored.entries[i].green;
      palette[i][2] = stored.entries[i].blue;
    }
  }
  // Zeroed, because libspng ors the samples of interlaced rows of 1, 2 and 4 bits into place.
  uint8_t *image = calloc(image_size ? image_size : 1, 1);
  if (!image) return aviary_report_fault(AVIARY_IMAGE_NO_MEMORY, "out of memory");
  error = spng_decode_image(decoder, image, image_size, SPNG_FMT_RAW, 0);
  aviary_image_report report = error ? fault(error) : aviary_report_size(width, height);
  if (!error) {
    size_t row_length = image_size / (size_t)height;
    for (int32_t y = 0; y < height; y++)
      rgb_from_row(
          image + (size_t)y * row_length, rgb + 3 * (size_t)width * (size_t)y, (size_t)width, header,
          (const uint8_t(*)[3])palette);
  }
  free(image);
  return report;
}

static aviary_image_report attempt(
    const uint8_t *bytes, size_t count, int crc_action, uint8_t *rgb, int32_t width, int32_t height) {
  struct spng_ihdr header;
  aviary_image_report report;
  spng_ctx *decoder = opened(bytes, count, crc_action, &header, &report);
  if (!decoder) return report;
  if (report.width != width || report.height != height)
    report = aviary_report_fault(AVIARY_IMAGE_DAMAGED, "the size changed between two readings of the header");
  else
    report = decode(decoder, &header, rgb, width, height);
  spng_ctx_free(decoder);
  return report;
}

aviary_image_report aviary_png_decode(
    const uint8_t *bytes, size_t count, uint8_t *rgb, int32_t width, int32_t height) {
  aviary_image_report report = attempt(bytes, count, SPNG_CRC_ERROR, rgb, width, height);
  // Where only the checksum of a chunk is wrong, but that of the pixels themselves is right, they are whole.
  if (report.status == AVIARY_IMAGE_DAMAGED && stream_is_whole(bytes, count))
    return attempt(bytes, count, SPNG_CRC_USE, rgb, width, height);
  return report;
}
