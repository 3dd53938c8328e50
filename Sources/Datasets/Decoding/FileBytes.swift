import AviaryArchives
import AviaryPlatform

/// The bytes of a regular file. Anything else (a folder, a pipe, a device) is refused without waiting on it.
func readBytes(path: String) throws(ImageDecodingFault) -> [UInt8] {
  func failure() -> ImageDecodingFault {
    .unreadable(path: path, reason: unsafe String(cString: strerror(errno)))
  }
  let descriptor = unsafe open(PathText.cString(path), O_RDONLY | O_NONBLOCK | O_CLOEXEC)
  guard descriptor >= 0 else { throw failure() }
  defer { close(descriptor) }
  var status = stat()
  guard unsafe fstat(descriptor, &status) == 0 else { throw failure() }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw .unreadable(path: path, reason: "not a regular file")
  }
  // No picture within the limit of pixels is larger than this.
  let size = Int(status.st_size)
  guard size <= 1 << 30 else { throw .unreadable(path: path, reason: "\(size) bytes are more than an image has") }
  var failed = false
  let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    while count < size {
      let got = unsafe read(descriptor, buffer.baseAddress! + count, size - count)
      if got < 0 && errno == EINTR { continue }
      failed = got < 0
      if got <= 0 { break }
      count += got
    }
  }
  if failed { throw failure() }
  return bytes
}
