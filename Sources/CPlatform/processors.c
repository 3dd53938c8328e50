#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // sched_getaffinity
#endif
#include "processors.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>

/// The processors of the affinity mask, 0 where they cannot be found.
static int in_affinity_mask(void) {
  // The kernel refuses a set that is smaller than its own.
  for (int size = 1024; size <= 1 << 20; size *= 4) {
    cpu_set_t *set = CPU_ALLOC(size);
    if (!set) return 0;
    const size_t bytes = CPU_ALLOC_SIZE(size);
    CPU_ZERO_S(bytes, set);
    const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
  return 0;
}
#else
static int in_affinity_mask(void) { return 0; }
#endif

/// Reads the first line of a file. Whether there is one.
static bool read_line(const char *directory, const char *name, char *line, int size) {
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) return false;
  FILE *file = fopen(path, "re");
  if (!file) return false;
  const bool is_read = fgets(line, size, file) != NULL;
  fclose(file);
  return is_read;
}

/// The quota of one group; 0 where it has none.
static double quota_of(const char *directory, bool is_second) {
  char line[128];
  double quota = 0, period = 0;
  if (is_second) {
    // "max 100000", or microseconds and those of a period.
    if (!read_line(directory, "cpu.max", line, sizeof line) || sscanf(line, "%lf %lf", &quota, &period) != 2) return 0;
  } else {
    if (!read_line(directory, "cpu.cfs_quota_us", line, sizeof line) || sscanf(line, "%lf", &quota) != 1) return 0;
    if (!read_line(directory, "cpu.cfs_period_us", line, sizeof line) || sscanf(line, "%lf", &period) != 1) return 0;
  }
  return quota > 0 && period > 0 && isfinite(quota / period) ? quota / period : 0;
}

static double least(double a, double b) { return a == 0 ? b : b == 0 || a < b ? a : b; }

/// Whether a list such as "rw,cpu,cpuacct" has a word.
static bool holds(const char *list, const char *word) {
  const size_t length = strlen(word);
  for (const char *at = list; at; at = strchr(at, ',')) {
    if (*at == ',') ++at;
    if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0')) return true;
  }
  return false;
}

/// The group of this process in the hierarchy of version 2, or in that of version 1's processor time. Whether it has one.
static bool group_path(const char *root, bool is_second, char *group, size_t size) {
  char path[PATH_MAX], line[PATH_MAX + 256];
  if (snprintf(path, sizeof path, "%s/proc/self/cgroup", root) >= (int)sizeof path) return false;
  FILE *file = fopen(path, "re");
  if (!file) return false;
  bool is_found = false;
  while (!is_found && fgets(line, sizeof line, file)) {
    // 4:cpu,cpuacct:/group, or 0::/group
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *own = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!own) continue;
    *own++ = '\0';
    ++controllers;
    if (is_second ? *controllers != '\0' : !holds(controllers, "cpu")) continue;
    is_found = snprintf(group, size, "%s", own) < (int)size;
  }
  fclose(file);
  return is_found;
}

/// The least quota from a group up to the mount point.
static double quota_up(char *directory, size_t mount_length, bool is_second) {
  double quota = 0;
  for (;;) {
    quota = least(quota, quota_of(directory, is_second));
    char *last = strrchr(directory, '/');
    if (!last || (size_t)(last - directory) < mount_length) return quota;
    *last = '\0';
  }
}

double ap_processor_quota(const char *root) {
  char path[PATH_MAX], line[4 * PATH_MAX];
  if (snprintf(path, sizeof path, "%s/proc/self/mountinfo", root) >= (int)sizeof path) return 0;
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  double quota = 0;
  while (fgets(line, sizeof line, file)) {
    // 36 35 98:0 /root /mount/point options optional - type source options; see proc(5).
    char mounted[PATH_MAX], point[PATH_MAX], type[64], options[PATH_MAX];
    char *rest = strstr(line, " - ");
    if (!rest || sscanf(line, "%*s %*s %*s %4095s %4095s", mounted, point) != 2) continue;
    if (sscanf(rest + 3, "%63s %*s %4095s", type, options) != 2) continue;
    const bool is_second = strcmp(type, "cgroup2") == 0;
    if (!is_second && (strcmp(type, "cgroup") != 0 || !holds(options, "cpu"))) continue;
    char group[PATH_MAX];
    if (!group_path(root, is_second, group, sizeof group)) continue;
    // What is mounted may be a part of the hierarchy, or another than that of the process, as in some containers.
    const size_t length = strcmp(mounted, "/") == 0 ? 0 : strlen(mounted);
    const bool is_inside = strncmp(group, mounted, length) == 0 && (group[length] == '/' || group[length] == '\0');
    char directory[PATH_MAX];
    const char *below = is_inside && strcmp(group + length, "/") != 0 ? group + length : "";
    if (snprintf(directory, sizeof directory, "%s%s%s", root, point, below) >= (int)sizeof directory) continue;
    quota = least(quota, quota_up(directory, strlen(root) + strlen(point), is_second));
  }
  fclose(file);
  return quota;
}

static int processors = 1;
static pthread_once_t processors_found = PTHREAD_ONCE_INIT;

static void find_processors(void) {
  int count = in_affinity_mask();
  if (count < 1) count = (int)sysconf(_SC_NPROCESSORS_ONLN);
  if (count < 1) count = 1;
  const double quota = ceil(ap_processor_quota(""));
  processors = quota >= 1 && quota < count ? (int)quota : count;
}

int ap_processors(void) {
  pthread_once(&processors_found, find_processors);
  return processors;
}
