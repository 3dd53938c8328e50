import CHDF5
import Synchronization

/// libhdf5, which only writes, behind one lock: it is not built for several threads everywhere.
enum HDF5Library {
  private static let lock = Mutex(())

  /// At the process's end libhdf5 would try once more to bring to the disk what the disk has refused, and crash.
  private static let leavesNothingToTheEnd = H5dont_atexit() >= 0

  /// Runs `body` alone, with libhdf5's own messages off and its plug-ins, which would load code, forbidden.
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
