import CKernels

/// A polite Ctrl-C: the first one (or a SIGTERM) asks the run to stop after the current step, the second ends the process
/// at once.
public enum Interruption {
  /// Whether Ctrl-C was pressed since `watch()`.
  public static var isRequested: Bool { ak_interrupted() != 0 }

  /// From now on Ctrl-C asks instead of killing.
  public static func watch() { ak_watch_interrupts() }

  /// Gives Ctrl-C its usual effect back, and forgets that anybody asked.
  public static func unwatch() { ak_unwatch_interrupts() }
}
