#ifndef AVIARY_PROCESSORS_H
#define AVIARY_PROCESSORS_H

/// How many processors this process may use at once, at least 1: those of its affinity mask, and no more than a control
/// group's quota of processor time pays for (1.5 processors are rounded up to 2). Found once.
int ap_processors(void);

/// The quota of the control groups that this process is in, in processors, such as 1.5; 0 where there is none.
///
/// Linux's versions 1 (cpu.cfs_quota_us) and 2 (cpu.max); a quota of a group above counts, too.
///
/// @param root what stands before /proc and the mount points, for tests; "" otherwise
double ap_processor_quota(const char *root);

#endif
