#include "current_work.h"

static _Thread_local char work[128];

void ak_set_current_work(const char *text, size_t length) {
  const size_t kept = length < sizeof work - 1 ? length : sizeof work - 1;
  for (size_t i = 0; i < kept; i++) work[i] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
  work[kept] = 0;
}

const char *ak_current_work(void) { return work; }
