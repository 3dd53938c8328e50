import AviaryPlatform

/// An exclusive lock on a file, held while the value lives; the system releases it when the process ends, however it ends.
/// It excludes other `FileLock`s only, not readers and writers.
public final class FileLock: Sendable {
  private let descriptor: Int32

  /// Locks the file at `path`, which is created if it does not exist; `nil` where another process holds the lock.
  ///
  /// A file system without locks (some network file systems) grants every lock.
  /// - Throws: `ArchiveFault` where the file cannot be created or opened.
  public init?(path: String) throws(ArchiveFault) {
    descriptor = unsafe open(PathText.cString(path), O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .system(path: path, operation: "open for writing", reason: unsafe String(cString: strerror(errno)))
    }
    // EWOULDBLOCK: another process holds it. Any other error means that the file system has no locks.
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      return nil
    }
  }

  deinit {
    guard descriptor >= 0 else { return }
    // A child process that is being started has a copy of the descriptor for a moment, which would keep the lock.
    _ = flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}
