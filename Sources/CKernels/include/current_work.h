#pragma once
// What a thread is working on, for the message of a program that runs out of memory: nothing can be allocated for it then.
#include <stddef.h>

/// Keeps the beginning of a text for the calling thread, as long as it has room for it; none where `length` is 0.
void ak_set_current_work(const char *text, size_t length);

/// The text of the calling thread; empty where there is none.
const char *ak_current_work(void);
