#ifndef AVIARY_TERMINAL_H
#define AVIARY_TERMINAL_H

/// The width in characters of the terminal behind a file descriptor, 0 if it is not a terminal.
int ap_terminal_columns(int descriptor);

/// Its height in lines, 0 if it is not a terminal.
int ap_terminal_rows(int descriptor);

#endif
