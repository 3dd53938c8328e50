import CPlatform
import Synchronization

/// A polite Ctrl-C: the first one (or a SIGTERM) asks the run to stop after the current step, the second ends the process
/// at once.
public enum Interruption {
  /// Whether somebody asked to stop since `watch()`. Where several processes work together they stop together, between two
  /// steps, and no one by itself.
  public static var isRequested: Bool { isRequestedHere && !isShared.withLock { $0 } }

  /// Whether somebody asked this process to stop.
  public static var isRequestedHere: Bool { ap_interrupted() != 0 }

  private static let isShared = Mutex(false)

  /// From now on this process stops together with others.
  static func share() { isShared.withLock { $0 = true } }

  /// From now on it stops by itself again.
  static func unshare() { isShared.withLock { $0 = false } }

  /// From now on Ctrl-C asks instead of killing.
  public static func watch() { ap_watch_interrupts() }

  /// Gives Ctrl-C its usual effect back, and forgets that anybody asked.
  public static func unwatch() { ap_unwatch_interrupts() }
}
