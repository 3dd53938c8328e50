#include "sockets.h"

#if defined(__linux__)
#include <netinet/tcp.h>
#include <stddef.h>

_Static_assert(offsetof(struct tcp_info, tcpi_unacked) == offsetof(ap_tcp_state, waiting), "the state of a socket");

int ap_tcp_state_option(void) { return TCP_INFO; }
#else
int ap_tcp_state_option(void) { return -1; }
#endif
