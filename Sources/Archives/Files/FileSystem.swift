import AviaryPlatform
import CPlatform

/// Files and folders by paths that may be any bytes: see `PathText`. Foundation's functions lose names that are not UTF-8.
public enum FileSystem {
  /// What is at a path, links followed.
  public struct Status: Equatable, Sendable {
    public enum Kind: Sendable { case file, folder, other }

    public let kind: Kind
    /// In bytes.
    public let size: Int
    /// When the content last changed, in nanoseconds since 1970.
    public let modified: Int
    /// Which file or folder it is, by whatever path.
    public let identity: Identity

    public struct Identity: Hashable, Sendable {
      let device: UInt64
      let number: UInt64
    }
  }

  /// What is at a path; nil where nothing is, or a link leads nowhere.
  public static func status(_ path: String) -> Status? {
    var status = stat()
    guard unsafe stat(PathText.cString(path), &status) == 0 else { return nil }
    let kind: Status.Kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      default: .other
      }
    let time = status.modificationTime
    return Status(
      kind: kind, size: Int(status.st_size), modified: Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec),
      identity: .init(
        device: UInt64(truncatingIfNeeded: status.st_dev), number: UInt64(truncatingIfNeeded: status.st_ino)))
  }

  public static func exists(_ path: String) -> Bool { status(path) != nil }

  public static func isFolder(_ path: String) -> Bool { status(path)?.kind == .folder }

  /// The names in a folder, all but `.` and `..`, in the order of their UTF-8.
  public static func names(in path: String) throws(ArchiveFault) -> [String] {
    try names(in: path, startingWith: []).sorted(by: precedes)
  }

  /// Whether the bytes of a text come before those of another: `lexicographicallyPrecedes`, which takes four times as long.
  private static func precedes(_ a: String, _ b: String) -> Bool {
    let order = unsafe a.utf8.withContiguousStorageIfAvailable { a in
      unsafe b.utf8.withContiguousStorageIfAvailable { b in
        guard let first = a.baseAddress, let second = b.baseAddress else { return a.count < b.count }
        let order = unsafe memcmp(first, second, min(a.count, b.count))
        return order < 0 || (order == 0 && a.count < b.count)
      }
    }
    return (order ?? nil) ?? a.utf8.lexicographicallyPrecedes(b.utf8)
  }

  /// The names that begin with these bytes, in no order: the others of a large folder become no strings.
  static func names(in path: String, startingWith prefix: [CChar]) throws(ArchiveFault) -> [String] {
    guard let listing = unsafe opendir(PathText.cString(path)) else { throw fault(path, "open the folder") }
    defer { unsafe closedir(listing) }
    let place = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(listing) else {
        if errno != 0 { throw fault(path, "list the folder") }
        return names
      }
      // An entry ends after its name, before the end of the type that describes it.
      let bytes = unsafe UnsafeRawPointer(entry).advanced(by: place).assumingMemoryBound(to: CChar.self)
      guard unsafe strncmp(bytes, prefix, prefix.count) == 0 else { continue }
      let name = unsafe PathText.text(cString: bytes)
      if name != ".", name != ".." { names.append(name) }
    }
  }

  /// Makes a folder, and those above it, where they do not exist.
  public static func createFolder(_ path: String) throws(ArchiveFault) {
    if isFolder(path) { return }
    if let slash = path.utf8.dropLast().lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex {
      try createFolder(String(path[..<slash]))
    }
    guard unsafe mkdir(PathText.cString(path), 0o777) == 0 || (errno == EEXIST && isFolder(path)) else {
      throw fault(path, "make the folder")
    }
  }

  /// The first bytes of a file; none where it cannot be read.
  public static func beginning(of path: String, count: Int) -> [UInt8] {
    let descriptor = unsafe open(PathText.cString(path), O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = unsafe max(0, read(descriptor, buffer.baseAddress, count))
    }
  }

  /// Writes a whole file, over what was there; not durably, as `writeDurably` does.
  public static func write(_ bytes: [UInt8], to path: String) throws(ArchiveFault) {
    let descriptor = unsafe open(PathText.cString(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw fault(path, "open for writing") }
    defer { close(descriptor) }
    var writer = GatheringWriter([ByteRegion(bytes)], descriptor: descriptor)
    guard writer.writeAll() else { throw fault(path, "write") }
  }

  /// The path of the folder that relative paths begin in; nil where it is gone.
  public static var currentFolder: String? {
    guard let path = unsafe getcwd(nil, 0) else { return nil }
    defer { unsafe free(path) }
    return unsafe PathText.text(cString: path)
  }

  /// The path without links, `.` and `..`; nil where nothing is there.
  public static func resolved(_ path: String) -> String? {
    guard let resolved = unsafe realpath(PathText.cString(path), nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe PathText.text(cString: resolved)
  }

  /// Where the running program lies; nil where the system does not say.
  public static var executable: String? {
    var path: [CChar] = Array(repeating: 0, count: 4096)
    guard unsafe ap_executable_path(&path, Int32(path.count)) == 0 else { return nil }
    return resolved(unsafe PathText.text(cString: path))
  }

  private static func fault(_ path: String, _ operation: String) -> ArchiveFault {
    errno == ENOENT ? .notFound(path: path) : .system(path: path, operation: operation, reason: MappedFile.lastReason())
  }
}
