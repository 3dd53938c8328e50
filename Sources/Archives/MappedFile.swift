import AviaryPlatform
import CPlatform

/// The bytes of a whole regular file: mapped, copied, or read in pieces.
public struct MappedFile: Sendable {
  /// How the bytes of a file are read.
  public enum Access: Sendable {
    /// Memory-mapped, if the file is on a disk of this machine; else copied.
    case mapped
    /// Copied to memory.
    case copied
    /// Read piece by piece whenever bytes are asked for, so that a large file takes no memory. See `requireIntact()`.
    case pieces
  }

  public let path: String
  public let bytes: ByteRegion
  /// Whether `bytes` are memory-mapped.
  public let isMapped: Bool
  private let pieces: PiecewiseFile?

  /// Opens the file at `path`.
  ///
  /// With `map`, a local file is memory-mapped, privately and read-only, and read on access. The mapping stays valid when
  /// another file is renamed to the path, but not when the file itself is truncated. Files on a network file system, and
  /// every file without `map`, are copied.
  public init(path: String, map: Bool = true) throws(ArchiveFault) {
    try self.init(path: path, access: map ? .mapped : .copied)
  }

  /// Opens the file at `path`.
  public init(path: String, access: Access) throws(ArchiveFault) {
    self.path = path
    let descriptor = unsafe open(PathText.cString(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { throw .notFound(path: path) }
      throw .system(path: path, operation: "open", reason: Self.lastReason())
    }
    var isKept = false
    defer { if !isKept { close(descriptor) } }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw .system(path: path, operation: "examine", reason: Self.lastReason())
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notARegularFile(path: path) }
    let size = Int(status.st_size)
    if access == .pieces {
      isKept = true
      let file = PiecewiseFile(descriptor, count: size, path: path)
      bytes = file.bytes
      isMapped = false
      pieces = file
      return
    }
    pieces = nil
    if access == .mapped, size > 0, ap_is_local(descriptor) != 0 {
      let address = unsafe mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
      if let address = unsafe address, unsafe address != MAP_FAILED {
        bytes = ByteRegion(unsafe Memory(mapped: UnsafeRawPointer(address), count: size))
        isMapped = true
        return
      }
    }
    bytes = ByteRegion(
      unsafe try Memory(count: size) { (target) throws(ArchiveFault) in
        unsafe try Self.fill(target, from: descriptor, path: path)
      })
    isMapped = false
  }

  /// Throws where the file could not be read, or became shorter, after it was opened with `Access.pieces`: zeros stand for
  /// the bytes that were not read.
  public func requireIntact() throws(ArchiveFault) {
    if let fault = pieces?.fault { throw fault }
  }

  private static func fill(
    _ target: UnsafeMutableRawBufferPointer, from descriptor: Int32, path: String
  ) throws(ArchiveFault) {
    var done = 0
    while done < target.count {
      let got = unsafe read(descriptor, target.baseAddress! + done, target.count - done)
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw .system(path: path, operation: "read", reason: lastReason()) }
      guard got > 0 else {
        throw .truncated(path: path, part: "the file", needed: target.count, available: done)
      }
      done += got
    }
  }

  static func lastReason() -> String {
    guard let text = unsafe strerror(errno) else { return "error \(errno)" }
    return unsafe String(cString: text)
  }
}
