import CPlatform

/// What this process may use of the machine's processors.
package enum Processors {
  /// How many it may use at once: those of its affinity mask, and no more than a control group's quota of processor time pays
  /// for; at least 1.
  package static var available: Int { Int(ap_processors()) }
}
