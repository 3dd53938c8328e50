// Ends the program with one line when memory or threads run out.
#ifndef AVIARY_COUTOFMEMORY_H
#define AVIARY_COUTOFMEMORY_H

/// From now on an allocation that fails, or a thread that cannot be started, ends the program.
void om_end_program_without_memory(void);

#endif
