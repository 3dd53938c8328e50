import AviaryPlatform
import CPlatform

/// A file that grows at its end, for what arrives in pieces and may be continued later.
public final class AppendingFile: Sendable {
  private let descriptor: Int32
  private let path: String

  /// Opens the file at `path`, which is created if it does not exist.
  public init(path: String) throws(ArchiveFault) {
    self.path = path
    descriptor = unsafe open(PathText.cString(path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw fault("open for writing") }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Adds bytes at the end.
  public func append(_ bytes: [UInt8]) throws(ArchiveFault) {
    var writer = GatheringWriter([ByteRegion(bytes)], descriptor: descriptor)
    guard writer.writeAll() else { throw fault("write") }
  }

  /// Takes away all bytes.
  public func clear() throws(ArchiveFault) {
    guard ftruncate(descriptor, 0) == 0 else { throw fault("truncate") }
  }

  /// Gives the file its final name, over what was there, so that it has all its bytes after a crash, too.
  public func finish(as target: String) throws(ArchiveFault) {
    guard ap_synchronize(descriptor) == 0 || errno == EINVAL else { throw fault("synchronize") }
    guard unsafe rename(PathText.cString(path), PathText.cString(target)) == 0 else {
      throw fault("rename the finished file")
    }
    FileSystem.synchronize(folderOf: target)
  }

  private func fault(_ operation: String) -> ArchiveFault {
    .system(path: path, operation: operation, reason: MappedFile.lastReason())
  }
}

extension FileSystem {
  /// Removes a file; nothing happens where there is none.
  public static func removeFile(_ path: String) { unsafe unlink(PathText.cString(path)) }

  /// Gives a file or a folder another name. What a folder is to replace must not be there.
  public static func move(_ path: String, to target: String) throws(ArchiveFault) {
    guard unsafe rename(PathText.cString(path), PathText.cString(target)) == 0 else {
      throw .system(path: target, operation: "rename the finished file", reason: MappedFile.lastReason())
    }
    synchronize(folderOf: target)
  }

  /// Some file systems cannot synchronize a folder; nothing more can be done there.
  fileprivate static func synchronize(folderOf path: String) {
    let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) + "/" } ?? "."
    let descriptor = unsafe open(PathText.cString(folder), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = ap_synchronize(descriptor)
    close(descriptor)
  }
}
