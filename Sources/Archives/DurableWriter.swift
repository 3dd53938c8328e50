import AviaryPlatform
import CPlatform

/// Replaces the file at `path` atomically: `write` fills a temporary sibling, which is then synchronized to the disk and
/// renamed to `path`, and the folder is synchronized. Whatever happens, `path` holds either the old file or the whole new
/// one. A temporary file remains only where the process is killed; the next call removes it.
///
/// A symbolic link at `path` is followed, so that the file it names is replaced and not the link.
public func writeDurably<Fault: ArchiveFaultCarrying, Result>(
  to path: String, write: (_ temporaryPath: String) throws(Fault) -> Result
) throws(Fault) -> Result {
  let target = FileSystem.resolved(path) ?? path
  let slash = target.lastIndex(of: "/")
  let folder = slash.map { $0 == target.startIndex ? "/" : String(target[..<$0]) } ?? "."
  let name = slash.map { String(target[target.index(after: $0)...]) } ?? target

  func fail(_ operation: String) -> Fault {
    Fault.archive(.system(path: path, operation: operation, reason: MappedFile.lastReason()))
  }

  var status = stat()
  if unsafe stat(PathText.cString(target), &status) == 0, status.st_mode & S_IFMT != S_IFREG {
    throw Fault.archive(.notARegularFile(path: path))
  }
  let existed = status.st_mode & S_IFMT == S_IFREG

  // The longest names leave no room for a suffix.
  let stem = name.utf8.count <= 200 ? name : String(ByteRegion(Array(name.utf8)).crc32c(), radix: 16)
  removeLeftovers(of: stem, in: folder)
  guard let (temporary, descriptor) = temporaryFile(for: stem, in: folder) else {
    throw fail("create a file in \(folder)")
  }
  defer { close(descriptor) }
  var renamed = false
  defer { if !renamed { unsafe unlink(PathText.cString(temporary)) } }

  let result = try write(temporary)

  // mkstemp makes the file private; the result has the old file's permissions, or those of any new file.
  let mask = umask(0)
  umask(mask)
  unsafe chmod(PathText.cString(temporary), existed ? status.st_mode & 0o777 : 0o666 & ~mask)
  guard synchronize(temporary) else { throw fail("synchronize") }
  guard unsafe rename(PathText.cString(temporary), PathText.cString(target)) == 0 else {
    throw fail("rename the finished file")
  }
  renamed = true
  guard synchronize(folder) else { throw fail("synchronize the folder of") }
  return result
}

/// Replaces the file at `path` by `parts` in sequence, as `writeDurably(to:write:)` does.
public func writeDurably(_ parts: [ByteRegion], to path: String) throws(ArchiveFault) {
  try writeDurably(to: path) { (temporary) throws(ArchiveFault) in
    let descriptor = unsafe open(PathText.cString(temporary), O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .system(path: path, operation: "open", reason: MappedFile.lastReason())
    }
    defer { close(descriptor) }
    var writer = GatheringWriter(parts, descriptor: descriptor)
    guard writer.writeAll() else { throw .system(path: path, operation: "write", reason: MappedFile.lastReason()) }
  }
}

/// A new file, locked while its descriptor is open: a file that is not locked belongs to a process that has died.
private func temporaryFile(for name: String, in folder: String) -> (path: String, descriptor: Int32)? {
  while true {
    var template = PathText.cString("\(folder)/.\(name).XXXXXX")
    let descriptor = unsafe template.withUnsafeMutableBufferPointer { unsafe mkstemp($0.baseAddress!) }
    guard descriptor >= 0 else { return nil }
    // A child process must not hold the lock when this one is dead.
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    // A file system without locks reports no file as unlocked either.
    let locked = flock(descriptor, LOCK_EX | LOCK_NB)
    // Another writer may have found it before it was locked, and be removing it as a leftover.
    let isBeingRemoved = locked != 0 && errno == EWOULDBLOCK
    var status = stat()
    let isRemoved = unsafe locked == 0 && fstat(descriptor, &status) == 0 && status.st_nlink == 0
    if isBeingRemoved || isRemoved {
      close(descriptor)
      continue
    }
    return (PathText.text(of: template.dropLast().map { UInt8(bitPattern: $0) }), descriptor)
  }
}

/// Removes what `writeDurably` left behind for files of these names in a folder, where a process was killed.
public func removeLeftovers(of names: [String], in folder: String) {
  for name in names { removeLeftovers(of: name, in: folder) }
}

/// Removes temporary files of processes that died before they could rename them.
private func removeLeftovers(of name: String, in folder: String) {
  let prefix = Array(PathText.cString(".\(name).").dropLast())
  for found in (try? FileSystem.names(in: folder, startingWith: prefix)) ?? [] {
    guard PathText.cString(found).count == prefix.count + 7 else { continue }
    let path = folder + "/" + found
    let descriptor = unsafe open(PathText.cString(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { continue }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unsafe unlink(PathText.cString(path)) }
    close(descriptor)
  }
}

private func synchronize(_ path: String) -> Bool {
  let descriptor = unsafe open(PathText.cString(path), O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return false }
  defer { close(descriptor) }
  if ap_synchronize(descriptor) == 0 { return true }
  // Some file systems cannot synchronize a folder and return this error; nothing more can be done there.
  return errno == EINVAL
}
