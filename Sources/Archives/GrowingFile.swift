import AviaryPlatform

/// A new file that grows at its end, such as a log that another program reads meanwhile. What has been appended stays where
/// the process is killed, but for the last piece, which may be cut.
public final class GrowingFile {
  public let path: String
  private let descriptor: Int32

  /// Creates the file.
  ///
  /// - Throws: where there is a file of that name already, too.
  public init(creating path: String) throws(ArchiveFault) {
    self.path = path
    descriptor = unsafe open(PathText.cString(path), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw .system(path: path, operation: "create", reason: MappedFile.lastReason())
    }
  }

  deinit { close(descriptor) }

  public func append(_ bytes: [UInt8]) throws(ArchiveFault) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR { continue }
        throw .system(path: path, operation: "write", reason: MappedFile.lastReason())
      }
      rest = rest.dropFirst(written)
    }
  }
}
