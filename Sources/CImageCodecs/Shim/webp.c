// WebP through libwebp: one frame, lossy or lossless.
#include <stdlib.h>
#include <webp/decode.h>

#include "report.h"

static aviary_image_report fault(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY: return aviary_report_fault(AVIARY_IMAGE_NO_MEMORY, "out of memory");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      return aviary_report_fault(AVIARY_IMAGE_TRUNCATED, "the file ends before the picture does");
    case VP8_STATUS_UNSUPPORTED_FEATURE: return aviary_report_fault(AVIARY_IMAGE_UNSUPPORTED, "unsupported feature");
    default: return aviary_report_fault(AVIARY_IMAGE_DAMAGED, "the bitstream is not valid");
  }
}

aviary_image_report aviary_webp_size(const uint8_t *bytes, size_t count) {
  WebPBitstreamFeatures features;
  VP8StatusCode status = WebPGetFeatures(bytes, count, &features);
  if (status != VP8_STATUS_OK) return fault(status);
  if (features.width <= 0 || features.height <= 0)
    return aviary_report_fault(AVIARY_IMAGE_DAMAGED, "the picture has no pixels");
  return aviary_report_size(features.width, features.height);
}

aviary_image_report aviary_webp_decode(
    const uint8_t *bytes, size_t count, uint8_t *rgb, int32_t width, int32_t height) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config))
    return aviary_report_fault(AVIARY_IMAGE_UNSUPPORTED, "libwebp differs from the headers that this was built with");
  VP8StatusCode status = WebPGetFeatures(bytes, count, &config.input);
  if (status != VP8_STATUS_OK) return fault(status);
  if (config.input.width != width || config.input.height != height)
    return aviary_report_fault(AVIARY_IMAGE_DAMAGED, "the size changed between two readings of the header");
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = rgb;
  config.output.u.RGBA.stride = 3 * width;
  config.output.u.RGBA.size = 3 * (size_t)width * (size_t)height;
  status = WebPDecode(bytes, count, &config);
  WebPFreeDecBuffer(&config.output);
  return status == VP8_STATUS_OK ? aviary_report_size(width, height) : fault(status);
}
