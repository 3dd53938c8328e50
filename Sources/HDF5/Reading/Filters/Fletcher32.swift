import AviaryArchives

/// The Fletcher-32 filter: a checksum after the bytes (filter 3).
enum Fletcher32 {
  /// The bytes before their checksum, which must match.
  static func checked(_ bytes: ByteRegion) throws(Flaw) -> ByteRegion {
    guard bytes.count >= 4, let data = bytes.part(from: 0, count: bytes.count - 4),
      let tail = bytes.part(from: bytes.count - 4, count: 4)?.array()
    else { throw .damage("a chunk is too short for its checksum") }
    let stored = UInt32(tail[0]) | UInt32(tail[1]) << 8 | UInt32(tail[2]) << 16 | UInt32(tail[3]) << 24
    let sum = data.withUInt8s { checksum($0) }
    // Libraries before 1.6.3 stored the bytes of each half in the order of the machine.
    let swapped = (sum & 0xff00_ff00) >> 8 | (sum & 0x00ff_00ff) << 8
    guard stored == sum || stored == swapped else { throw .damage("the checksum of a chunk does not match its bytes") }
    return data
  }

  static func checksum(_ bytes: Span<UInt8>) -> UInt32 {
    var first: UInt32 = 0
    var second: UInt32 = 0
    var at = 0
    let even = bytes.count & ~1
    while at < even {
      // After this many words the sums could overflow.
      let end = min(even, at + 720)
      while at < end {
        first &+= UInt32(bytes[at]) << 8 | UInt32(bytes[at + 1])
        second &+= first
        at += 2
      }
      first = first & 0xffff + first >> 16
      second = second & 0xffff + second >> 16
    }
    if bytes.count % 2 == 1 {
      first &+= UInt32(bytes[even]) << 8
      second &+= first
      first = first & 0xffff + first >> 16
      second = second & 0xffff + second >> 16
    }
    first = first & 0xffff + first >> 16
    second = second & 0xffff + second >> 16
    return second << 16 | first
  }
}
