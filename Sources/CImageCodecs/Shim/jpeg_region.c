// Parts of JPEG pictures through libjpeg's own API: TurboJPEG 2 cannot decode less than all of one.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "cmyk.h"
#include "report.h"

// A decode under way. libjpeg reports errors by calling a function that must not return; the jump stays within this
// file, and what has to survive it lives here.
typedef struct decoding {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf failure;
  char message[JMSG_LENGTH_MAX];
  uint8_t *row;
} decoding;

static void fail(j_common_ptr info) {
  decoding *state = info->client_data;
  info->err->format_message(info, state->message);
  longjmp(state->failure, 1);
}

// A picture with anything to complain about is left to the decoder of whole pictures, which knows what to forgive.
static void emit_message(j_common_ptr info, int level) {
  if (level < 0) fail(info);
}

static void ignore(j_decompress_ptr info) { (void)info; }

static boolean meet_end(j_decompress_ptr info) {
  decoding *state = info->client_data;
  strcpy(state->message, "the file ends before the picture does");
  longjmp(state->failure, 1);
}

static void skip(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  if ((unsigned long)count > info->src->bytes_in_buffer) meet_end(info);
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= (size_t)count;
}

// Hundreds of scans of one picture are an attack, not a photograph. The bound is TurboJPEG's.
static void limit_scans(j_common_ptr info) {
  decoding *state = info->client_data;
  if (((j_decompress_ptr)info)->input_scan_number <= 500) return;
  strcpy(state->message, "too many scans");
  longjmp(state->failure, 1);
}

// Everything up to the first scan.
static void begin(decoding *state, const uint8_t *bytes, size_t count) {
  jpeg_create_decompress(&state->info);
  state->source.init_source = state->source.term_source = ignore;
  state->source.fill_input_buffer = meet_end;
  state->source.skip_input_data = skip;
  state->source.resync_to_restart = jpeg_resync_to_restart;
  state->source.next_input_byte = bytes;
  state->source.bytes_in_buffer = count;
  state->info.src = &state->source;
  state->progress.progress_monitor = limit_scans;
  state->info.progress = &state->progress;
  jpeg_read_header(&state->info, TRUE);
}

static decoding *new_decoding(void) {
  decoding *state = calloc(1, sizeof *state);
  if (!state) return NULL;
  state->info.err = jpeg_std_error(&state->errors);
  state->errors.error_exit = fail;
  state->errors.emit_message = emit_message;
  state->info.client_data = state;
  return state;
}

static void end(decoding *state) {
  jpeg_destroy_decompress(&state->info);
  free(state->row);
  free(state);
}

// What a decoding is for, and of which bytes.
typedef struct order {
  const uint8_t *bytes;
  size_t count;
  int32_t denominator;
  aviary_image_region *region;
  int32_t row_pixels;
  uint8_t *rgb;
} order;

// Runs `work` to its end, or to where libjpeg gives up.
static aviary_image_report attempt(aviary_image_report (*work)(decoding *, const order *), const order *order) {
  decoding *state = new_decoding();
  if (!state) return aviary_report_fault(AVIARY_IMAGE_NO_MEMORY, "out of memory");
  aviary_image_report report;
  if (setjmp(state->failure))
    report = aviary_report_fault(AVIARY_IMAGE_DAMAGED, state->message);
  else
    report = work(state, order);
  end(state);
  return report;
}

static aviary_image_report read_size(decoding *state, const order *order) {
  begin(state, order->bytes, order->count);
  return aviary_report_size((int32_t)state->info.image_width, (int32_t)state->info.image_height);
}

// Whether there is an end of the picture after the beginning of its first scan: rows that nobody wants are not read, and
// a file that was cut within them must be noticed all the same. Where a scan's data have the byte 0xff, a zero follows.
static int has_end(const struct jpeg_source_mgr *source) {
  for (size_t i = source->bytes_in_buffer; i >= 2; i--)
    if (source->next_input_byte[i - 2] == 0xff && source->next_input_byte[i - 1] == JPEG_EOI) return 1;
  return 0;
}

static aviary_image_report decode_region(decoding *state, const order *order) {
  aviary_image_region *region = order->region;
  uint8_t *rgb = order->rgb;
  begin(state, order->bytes, order->count);
  struct jpeg_decompress_struct *info = &state->info;
  if (!has_end(info->src)) meet_end(info);

  int has_four_channels = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
  info->out_color_space = has_four_channels ? JCS_CMYK : JCS_RGB;
  info->dct_method = JDCT_ISLOW;
  info->scale_num = 1;
  info->scale_denom = (unsigned)order->denominator;
  jpeg_start_decompress(info);

  JDIMENSION x = (JDIMENSION)region->x, width = (JDIMENSION)region->width;
  JDIMENSION y = (JDIMENSION)region->y, height = (JDIMENSION)region->height;
  if (width > info->output_width || x > info->output_width - width || height > info->output_height ||
      y > info->output_height - height) {
    strcpy(state->message, "the size changed between two readings of the header");
    longjmp(state->failure, 1);
  }

  // Chroma between two columns of blocks is smoothed, so the neighbours of what is wanted are decoded with it: the
  // pixels are those of the whole picture.
  JDIMENSION block = (JDIMENSION)(info->max_h_samp_factor * info->min_DCT_scaled_size);
  JDIMENSION left = x > block ? x - block : 0;
  JDIMENSION right = info->output_width - (x + width) > block ? x + width + block : info->output_width;
  if (left > 0 || right < info->output_width) {
    JDIMENSION decoded = right - left;
    jpeg_crop_scanline(info, &left, &decoded);
  }
  int is_direct = !has_four_channels && info->output_width <= (JDIMENSION)order->row_pixels;
  size_t channels = has_four_channels ? 4 : 3;
  if (!is_direct) state->row = malloc(channels * info->output_width);
  if (!is_direct && !state->row) {
    strcpy(state->message, "out of memory");
    longjmp(state->failure, 1);
  }
  if (is_direct) {
    region->x = (int32_t)left;
    region->width = (int32_t)info->output_width;
  }
  if (y > 0 && jpeg_skip_scanlines(info, y) != y) meet_end(info);
  for (JDIMENSION i = 0; i < height; i++, rgb += 3 * (size_t)region->width) {
    JSAMPROW row = is_direct ? rgb : state->row;
    if (jpeg_read_scanlines(info, &row, 1) != 1) meet_end(info);
    if (is_direct) continue;
    const uint8_t *first = state->row + channels * (x - left);
    if (has_four_channels)
      aviary_rgb_from_inverted_cmyk(first, rgb, width);
    else
      memcpy(rgb, first, 3 * (size_t)width);
  }
  return aviary_report_size(region->width, region->height);
}

aviary_image_report aviary_jpeg_region_size(const uint8_t *bytes, size_t count) {
  return attempt(read_size, &(order){.bytes = bytes, .count = count});
}

aviary_image_report aviary_jpeg_decode_region(
    const uint8_t *bytes, size_t count, int32_t denominator, aviary_image_region *region, int32_t row_pixels,
    uint8_t *rgb) {
  return attempt(
      decode_region, &(order){.bytes = bytes,
                              .count = count,
                              .denominator = denominator,
                              .region = region,
                              .row_pixels = row_pixels,
                              .rgb = rgb});
}
