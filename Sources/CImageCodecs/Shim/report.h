// How the shims fill a report.
#ifndef AVIARY_IMAGE_REPORT_H
#define AVIARY_IMAGE_REPORT_H

#include <string.h>

#include "CImageCodecs.h"

static inline aviary_image_report aviary_report_size(int32_t width, int32_t height) {
  aviary_image_report report;
  memset(&report, 0, sizeof report);
  report.width = width;
  report.height = height;
  return report;
}

static inline aviary_image_report aviary_report_fault(enum aviary_image_status status, const char *message) {
  aviary_image_report report;
  memset(&report, 0, sizeof report);
  report.status = (int32_t)status;
  if (message) {
    strncpy(report.message, message, sizeof report.message - 1);
    // A library's words can end in a newline; a report is one line.
    for (char *c = report.message; *c; c++)
      if (*c == '\n' || *c == '\r') *c = ' ';
  }
  return report;
}

#endif
