// Ctrl-C that lets a long run finish its step.
#ifndef AVIARY_INTERRUPTS_H
#define AVIARY_INTERRUPTS_H

/// From now on the first SIGINT or SIGTERM only sets a flag; the second ends the process at once, with status 128 + signal.
void ap_watch_interrupts(void);

/// Restores the previous handling of both signals and clears the flag.
void ap_unwatch_interrupts(void);

/// 1 once a watched signal has arrived, else 0. Callable from any thread.
int ap_interrupted(void);

#endif
