// What a long run needs from the terminal and the system: a polite Ctrl-C, and the width of the window.
#ifndef AVIARY_CONSOLE_H
#define AVIARY_CONSOLE_H

/// From now on the first SIGINT or SIGTERM only sets a flag; the second ends the process at once, with status 128 + signal.
void ak_watch_interrupts(void);

/// Gives both signals their former handling back and clears the flag.
void ak_unwatch_interrupts(void);

/// 1 once a watched signal has arrived, else 0. Any thread may ask.
int ak_interrupted(void);

/// The width of the terminal behind a file descriptor in characters, 0 where it is not a terminal.
int ak_terminal_columns(int descriptor);

#endif
