/// Bob Jenkins' hash "lookup3", the checksum of every structure of version 2 and later.
enum Lookup3 {
  static func hash(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withContiguousBytes { hash($0) }
  }

  static func hash(_ bytes: Span<UInt8>) -> UInt32 {
    var a: UInt32 = 0xdead_beef &+ UInt32(truncatingIfNeeded: bytes.count)
    var b = a
    var c = a
    var at = 0
    // The last one to twelve bytes are mixed in differently.
    while bytes.count - at > 12 {
      a &+= word(bytes, at)
      b &+= word(bytes, at + 4)
      c &+= word(bytes, at + 8)
      a = (a &- c) ^ rotated(c, 4)
      c &+= b
      b = (b &- a) ^ rotated(a, 6)
      a &+= c
      c = (c &- b) ^ rotated(b, 8)
      b &+= a
      a = (a &- c) ^ rotated(c, 16)
      c &+= b
      b = (b &- a) ^ rotated(a, 19)
      a &+= c
      c = (c &- b) ^ rotated(b, 4)
      b &+= a
      at += 12
    }
    if at == bytes.count { return c }
    a &+= word(bytes, at)
    b &+= word(bytes, at + 4)
    c &+= word(bytes, at + 8)
    c = (c ^ b) &- rotated(b, 14)
    a = (a ^ c) &- rotated(c, 11)
    b = (b ^ a) &- rotated(a, 25)
    c = (c ^ b) &- rotated(b, 16)
    a = (a ^ c) &- rotated(c, 4)
    b = (b ^ a) &- rotated(a, 14)
    c = (c ^ b) &- rotated(b, 24)
    return c
  }

  private static func rotated(_ value: UInt32, _ count: UInt32) -> UInt32 {
    value << count | value >> (32 - count)
  }

  /// Four bytes, little-endian; those beyond the end are zero.
  private static func word(_ bytes: Span<UInt8>, _ at: Int) -> UInt32 {
    if at + 4 <= bytes.count {
      return UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
    }
    var value: UInt32 = 0
    for index in 0..<max(0, min(4, bytes.count - at)) { value |= UInt32(bytes[at + index]) << UInt32(8 * index) }
    return value
  }
}

extension ArraySlice<UInt8> {
  func withContiguousBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result { body(span) }
}
