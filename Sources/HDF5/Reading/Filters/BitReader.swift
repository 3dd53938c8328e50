/// Reads numbers of any width from bytes, the highest bit first.
struct BitReader {
  private var at = 0
  private var left = 8

  /// The next `count` bits, at most 64.
  mutating func bits(_ count: Int, of source: Span<UInt8>) throws(Flaw) -> UInt64 {
    var value: UInt64 = 0
    var needed = count
    while needed > 0 {
      guard at < source.count else { throw .damage("a chunk's packed bits are cut short") }
      let taken = min(needed, left)
      let byte = UInt64(source[at]) >> UInt64(left - taken) & (1 << UInt64(taken) - 1)
      value = value << UInt64(taken) | byte
      needed -= taken
      left -= taken
      if left == 0 {
        at += 1
        left = 8
      }
    }
    return value
  }
}
