#ifndef AVIARY_SOCKETS_H
#define AVIARY_SOCKETS_H

#include <stdint.h>

/// The option of the level TCP by which the system tells the state of a socket, whose value begins as `ap_tcp_state`; -1 where
/// the system has none that says how many connections wait.
int ap_tcp_state_option(void);

/// The beginning of what Linux tells of a socket (struct tcp_info).
typedef struct ap_tcp_state {
  uint8_t flags[8];
  uint32_t sizes_and_times[4];
  /// Of a socket that listens: how many connections the system has taken that have not been accepted.
  uint32_t waiting;
} ap_tcp_state;

#endif
