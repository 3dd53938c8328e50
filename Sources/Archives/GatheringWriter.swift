import AviaryPlatform
import CPlatform

/// Writes many regions in sequence, several with each call.
///
/// The size of a call determines the size of the pages in which the system caches the file: large pages cause a fraction of
/// the page faults when the file is mapped again.
struct GatheringWriter {
  /// Calls end at multiples of this in the file. After each of them the system starts to write back to the disk, so that
  /// less remains for the end.
  static let piece = 8 << 20
  /// Regions per call: well below the limits of operating systems.
  private static let most = 128

  private var parts: [ByteRegion]
  private let descriptor: Int32
  /// What is written next: a part, and the place in it.
  private var index = 0
  private var offset = 0
  private var written = 0
  private var begun = 0

  init(_ parts: [ByteRegion], descriptor: Int32) {
    self.parts = parts
    self.descriptor = descriptor
  }

  /// Returns whether everything was written; if not, `errno` has the reason.
  mutating func writeAll() -> Bool {
    while true {
      skipWritten()
      if index == parts.count { return true }
      var vectors: [iovec] = unsafe []
      let put = unsafe write(from: index, offset, room: Self.piece - written % Self.piece, &vectors)
      if put < 0 && errno == EINTR { continue }
      if put <= 0 { return false }
      written += put
      offset += put
      if written - begun >= Self.piece {
        ap_begin_write_back(descriptor, Int64(begun), Int64(written - begun))
        begun = written
      }
    }
  }

  private mutating func skipWritten() {
    while index < parts.count, offset >= parts[index].count {
      offset -= parts[index].count
      // What was loaded is released.
      parts[index] = ByteRegion([])
      index += 1
    }
    if index < parts.count { parts[index] = parts[index].loaded }
  }

  /// Puts the rest of the part into the call, then, as one closure's pointer lives within another's, those that follow.
  private func write(from index: Int, _ offset: Int, room: Int, _ vectors: inout [iovec]) -> Int {
    guard room > 0, index < parts.count, unsafe vectors.count < Self.most, !parts[index].isDeferred else {
      return unsafe writev(descriptor, vectors, Int32(vectors.count))
    }
    return unsafe parts[index].withPointer { bytes in
      let count = min(bytes.count - offset, room)
      if count > 0, let base = bytes.baseAddress {
        unsafe vectors.append(iovec(iov_base: UnsafeMutableRawPointer(mutating: base + offset), iov_len: count))
      }
      return unsafe write(from: index + 1, 0, room: room - count, &vectors)
    }
  }
}
