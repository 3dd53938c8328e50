import CPlatform

/// What the system tells of a TCP socket.
package struct TCPState: Sendable {
  /// The option by which it tells; nil where it does not say how many connections wait.
  package static var option: CInt? {
    let option = ap_tcp_state_option()
    return option < 0 ? nil : option
  }

  /// What it tells, in the memory that it fills.
  package typealias Told = ap_tcp_state

  /// Of a socket that listens: how many connections the system has taken that have not been accepted.
  package let waiting: Int

  package init(_ told: Told) { waiting = Int(told.waiting) }
}
