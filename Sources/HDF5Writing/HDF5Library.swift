import CHDF5
import Synchronization

/// libhdf5, used for writing only, behind a lock: not every build of it is thread-safe.
enum HDF5Library {
  private static let lock = Mutex(())

  /// At exit, libhdf5 would try again to write what a full disk has refused, and crash.
  private static let leavesNothingToTheEnd = H5dont_atexit() >= 0

  /// Runs `body` alone, with libhdf5's messages off, and its plug-ins, which load code, disabled.
  static func exclusively<Result, E: Swift.Error>(_ body: () throws(E) -> Result) throws(E) -> Result {
    try lock.withLock { (_) throws(E) -> Result in
      _ = leavesNothingToTheEnd
      aviary_h5_be_silent()
      H5PLset_loading_state(0)
      return try body()
    }
  }

  /// The message nearest to the cause of the last failed call.
  static func reason() -> String {
    var message = ""
    unsafe withUnsafeMutablePointer(to: &message) { pointer in
      _ = unsafe aviary_h5_walk_errors(
        { level, error, context in
          if level == 0, let error = unsafe error, let text = unsafe error.pointee.desc {
            unsafe context?.assumingMemoryBound(to: String.self).pointee = String(cString: text)
          }
          return 0
        }, pointer)
    }
    return message.isEmpty ? "libhdf5 gives no reason" : message
  }
}
