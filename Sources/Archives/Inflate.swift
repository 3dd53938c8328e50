import CZlib

extension ByteRegion {
  /// The format around deflated bytes.
  public enum DeflateWrapping: Sendable {
    /// None, as in a ZIP member.
    case raw
    /// zlib's header and Adler-32.
    case zlib
    /// gzip's header and CRC-32. Several members stand for what they hold together (RFC 1952), and zeros may follow.
    case gzip

    fileprivate var windowBits: Int32 {
      switch self {
      case .raw: -15
      case .zlib: 15
      case .gzip: 31
      }
    }
  }

  /// Inflates to exactly `size` bytes, which are allocated first: check `size` before the call.
  public func inflated(
    to size: Int, wrapping: DeflateWrapping, path: String, part: String
  ) throws(ArchiveFault) -> ByteRegion {
    ByteRegion(
      unsafe try Memory(count: size) { (target) throws(ArchiveFault) in
        let made = unsafe try withPointer { (source) throws(ArchiveFault) in
          unsafe try Self.inflate(source, into: target, wrapping, path, part)
        }
        guard let made else {
          throw .malformed(path: path, part: part, reason: "unpacks to more than the \(size) bytes declared")
        }
        guard made == size else {
          throw .malformed(path: path, part: part, reason: "unpacks to \(made) bytes, \(size) were declared")
        }
      })
  }

  /// Inflates to at most `limit` bytes. Memory is allocated as the bytes are produced.
  public func inflated(
    atMost limit: Int, wrapping: DeflateWrapping, path: String, part: String
  ) throws(ArchiveFault) -> ByteRegion {
    var room = min(limit, Swift.max(64, count.multipliedReportingOverflow(by: 4).partialValue))
    while true {
      var made: Int?
      let whole = ByteRegion(
        unsafe try Memory(count: room) { (target) throws(ArchiveFault) in
          made = unsafe try withPointer { (source) throws(ArchiveFault) in
            unsafe try Self.inflate(source, into: target, wrapping, path, part)
          }
        })
      if let made, let used = whole.part(from: 0, count: made) { return used }
      guard room < limit else {
        throw .unpacksToMore(path: path, part: part, limit: limit)
      }
      room = room > limit / 4 ? limit : room * 4
    }
  }

  /// The number of bytes made, or `nil` where `target` is too small for them.
  private static func inflate(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, _ wrapping: DeflateWrapping,
    _ path: String, _ part: String
  ) throws(ArchiveFault) -> Int? {
    var stream = unsafe z_stream()
    guard
      unsafe inflateInit2_(
        &stream, wrapping.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw .system(path: path, operation: "inflate \(part)", reason: "zlib cannot start") }
    defer { unsafe inflateEnd(&stream) }
    // zlib counts in 32 bits, so input and output are passed in pieces.
    let piece = 1 << 30
    var taken = 0
    var made = 0
    // Where nothing is expected, one spare byte still lets zlib see the end of its stream.
    var spare: UInt8 = 0
    while true {
      let give = min(piece, source.count - taken)
      let room = min(piece, target.count - made)
      let status = unsafe withUnsafeMutablePointer(to: &spare) { spare in
        unsafe stream.next_in = UnsafeMutablePointer(
          mutating: source.baseAddress?.advanced(by: taken).assumingMemoryBound(to: UInt8.self))
        unsafe stream.avail_in = UInt32(give)
        unsafe stream.next_out =
          room > 0 ? target.baseAddress?.advanced(by: made).assumingMemoryBound(to: UInt8.self) : spare
        unsafe stream.avail_out = UInt32(max(room, 1))
        return unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
      }
      taken += give - Int(unsafe stream.avail_in)
      let produced = max(room, 1) - Int(unsafe stream.avail_out)
      if produced > room { return nil }
      made += produced
      if status == Z_STREAM_END {
        guard wrapping == .gzip, unsafe try isMember(UnsafeRawBufferPointer(rebasing: source[taken...]), path, part)
        else {
          break
        }
        unsafe inflateReset(&stream)
        continue
      }
      guard status == Z_OK, produced > 0 || Int(unsafe stream.avail_in) < give else {
        throw .malformed(path: path, part: part, reason: "its compressed bytes are damaged or cut short")
      }
    }
    return made
  }

  /// Whether another member of gzip follows; what stands in its place would be lost without a word.
  private static func isMember(
    _ rest: UnsafeRawBufferPointer, _ path: String, _ part: String
  ) throws(ArchiveFault) -> Bool {
    if unsafe rest.starts(with: [0x1f, 0x8b]) { return true }
    guard unsafe rest.allSatisfy({ $0 == 0 }) else {
      throw .malformed(
        path: path, part: part, reason: "\(rest.count) bytes follow its compressed ones, and are none themselves")
    }
    return false
  }
}
