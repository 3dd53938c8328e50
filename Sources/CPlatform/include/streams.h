// Standard streams that cannot lose results silently.
#ifndef AVIARY_STREAMS_H
#define AVIARY_STREAMS_H

/// From now on the end of the process reports standard output that could not be written (a full disk): one
/// line on standard error and exit status 1. A standard stream that is closed is opened on /dev/null, standard output for
/// reading only, so that no file that is opened later takes its descriptor. Call it once, before anything is opened.
void ap_guard_standard_streams(void);

#endif
