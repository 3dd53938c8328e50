// JPEG through the TurboJPEG API, versions 2 and 3.
#include <stdlib.h>
#include <turbojpeg.h>

#include "cmyk.h"
#include "report.h"

// libjpeg meets the end of its input by inventing an end-of-image marker and warning, and only the first warning of a
// decode can be read back. So a guard is put behind the file: start-of-image markers, which are a fatal error wherever
// a decoder meets a second one. It is longer than the longest marker segment, so that no segment can swallow it: a
// decode that needs one byte more than the file has always ends in that error.
enum { guard_length = 1 << 17 };

static unsigned char *guarded(const uint8_t *bytes, size_t count) {
  unsigned char *copy = malloc(count + guard_length);
  if (!copy) return NULL;
  memcpy(copy, bytes, count);
  for (size_t i = 0; i < guard_length; i += 2) {
    copy[count + i] = 0xff;
    copy[count + i + 1] = 0xd8;
  }
  return copy;
}

static int starts_with(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

// Whether the words are one of libjpeg's warnings, after which the picture is whole though perhaps not faultless. A
// fatal error overwrites the words of a warning before it, but not the handle's mark of one.
static int is_warning(const char *message) {
  static const char *const warnings[] = {
      "Corrupt JPEG data:", "Warning: unknown JFIF revision", "Unknown Adobe color transform code",
      "Inconsistent progression sequence", "Invalid SOS parameters for sequential JPEG",
  };
  for (size_t i = 0; i < sizeof warnings / sizeof *warnings; i++)
    if (starts_with(message, warnings[i])) return 1;
  return 0;
}

static aviary_image_report fault(const char *message) {
  static const char *const truncations[] = {
      "Invalid JPEG file structure: two SOI markers", "Premature end of JPEG file", "Premature end of input file"};
  static const char *const unsupported[] = {
      "Unsupported JPEG process", "Unsupported JPEG data precision", "Unsupported marker type",
      "Sorry, arithmetic coding", "Unsupported color conversion request"};
  for (size_t i = 0; i < sizeof truncations / sizeof *truncations; i++)
    if (starts_with(message, truncations[i]))
      return aviary_report_fault(AVIARY_IMAGE_TRUNCATED, "the file ends before the picture does");
  for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
    if (starts_with(message, unsupported[i])) return aviary_report_fault(AVIARY_IMAGE_UNSUPPORTED, message);
  return aviary_report_fault(AVIARY_IMAGE_DAMAGED, message);
}

// Reads size and colour space. TurboJPEG 2 calls unusual chroma subsampling an error here, after it has filled in
// both, although it decodes it.
static int read_header(
    tjhandle decoder, const unsigned char *bytes, size_t count, int *width, int *height, int *colorspace) {
  int subsampling = -1;
  *width = *height = 0;
  *colorspace = -1;
  tjDecompressHeader3(decoder, bytes, (unsigned long)count, width, height, &subsampling, colorspace);
  return *width > 0 && *height > 0 && *colorspace >= 0;
}

aviary_image_report aviary_jpeg_size(const uint8_t *bytes, size_t count) {
  tjhandle decoder = tjInitDecompress();
  unsigned char *copy = guarded(bytes, count);
  aviary_image_report report = aviary_report_fault(AVIARY_IMAGE_NO_MEMORY, "out of memory");
  if (decoder && copy) {
    int width, height, colorspace;
    if (read_header(decoder, copy, count + guard_length, &width, &height, &colorspace))
      report = aviary_report_size(width, height);
    else
      report = fault(tjGetErrorStr2(decoder));
  }
  free(copy);
  if (decoder) tjDestroy(decoder);
  return report;
}

static aviary_image_report decode(
    tjhandle decoder, const unsigned char *bytes, size_t count, uint8_t *rgb, int32_t width, int32_t height) {
  int actual_width, actual_height, colorspace;
  if (!read_header(decoder, bytes, count, &actual_width, &actual_height, &colorspace))
    return fault(tjGetErrorStr2(decoder));
  if (actual_width != width || actual_height != height)
    return aviary_report_fault(AVIARY_IMAGE_DAMAGED, "the size changed between two readings of the header");

  int has_four_channels = colorspace == TJCS_CMYK || colorspace == TJCS_YCCK;
  size_t pixels = (size_t)width * (size_t)height;
  uint8_t *cmyk = has_four_channels ? malloc(4 * pixels) : NULL;
  if (has_four_channels && !cmyk) return aviary_report_fault(AVIARY_IMAGE_NO_MEMORY, "out of memory");

  // The accurate inverse transform and smooth chroma upsampling, as most libraries decode. Hundreds of scans of one
  // picture are an attack, not a photograph.
  int result = tjDecompress2(
      decoder, bytes, (unsigned long)count, has_four_channels ? cmyk : rgb, width, 0, height,
      has_four_channels ? TJPF_CMYK : TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
  aviary_image_report report = aviary_report_size(width, height);
  if (result != 0) {
    const char *message = tjGetErrorStr2(decoder);
    if (tjGetErrorCode(decoder) != TJERR_WARNING || !is_warning(message)) report = fault(message);
  }
  if (report.status == AVIARY_IMAGE_OK && has_four_channels) aviary_rgb_from_inverted_cmyk(cmyk, rgb, pixels);
  free(cmyk);
  return report;
}

aviary_image_report aviary_jpeg_decode(
    const uint8_t *bytes, size_t count, uint8_t *rgb, int32_t width, int32_t height) {
  tjhandle decoder = tjInitDecompress();
  unsigned char *copy = guarded(bytes, count);
  aviary_image_report report = aviary_report_fault(AVIARY_IMAGE_NO_MEMORY, "out of memory");
  if (decoder && copy) report = decode(decoder, copy, count + guard_length, rgb, width, height);
  free(copy);
  if (decoder) tjDestroy(decoder);
  return report;
}

size_t aviary_jpeg_bound(int32_t width, int32_t height) { return (size_t)tjBufSize(width, height, TJSAMP_420); }

aviary_image_report aviary_jpeg_encode(
    const uint8_t *rgb, int32_t width, int32_t height, int32_t quality, uint8_t *bytes, size_t capacity,
    size_t *written) {
  *written = 0;
  if (capacity < aviary_jpeg_bound(width, height))
    return aviary_report_fault(AVIARY_IMAGE_NO_MEMORY, "the buffer is smaller than aviary_jpeg_bound");
  tjhandle encoder = tjInitCompress();
  if (!encoder) return aviary_report_fault(AVIARY_IMAGE_NO_MEMORY, "out of memory");
  unsigned char *target = bytes;
  unsigned long length = (unsigned long)capacity;
  int result = tjCompress2(
      encoder, rgb, width, 0, height, TJPF_RGB, &target, &length, TJSAMP_420, quality,
      TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT);
  aviary_image_report report = aviary_report_size(width, height);
  if (result != 0)
    report = aviary_report_fault(AVIARY_IMAGE_DAMAGED, tjGetErrorStr2(encoder));
  else
    *written = (size_t)length;
  tjDestroy(encoder);
  return report;
}
