#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An exclusive lock on a file, held as long as the value lives and given up by the system when the process ends, however
/// it ends. It keeps out other holders of a `FileLock` only, not readers and writers.
public final class FileLock: Sendable {
  private let descriptor: Int32

  /// Locks the file at `path`, made empty if it is not there; nil where somebody else holds the lock.
  ///
  /// A file system without locks (some network ones) grants every lock.
  /// - Throws: `FileLockFault` where the file cannot be made or opened.
  public init?(path: String) throws(FileLockFault) {
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .cannotOpen(path: path, reason: unsafe String(cString: strerror(errno)))
    }
    // EAGAIN and EWOULDBLOCK are one value: somebody else holds it. Any other refusal means there are no locks here.
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      return nil
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }
}

/// Why a lock file could not be used.
public enum FileLockFault: Swift.Error, CustomStringConvertible, Equatable {
  /// The lock file cannot be made or opened.
  case cannotOpen(path: String, reason: String)

  public var description: String {
    switch self {
    case .cannotOpen(let path, let reason):
      "\(path): cannot be opened for writing (\(reason)); choose a folder that you may write to"
    }
  }
}
