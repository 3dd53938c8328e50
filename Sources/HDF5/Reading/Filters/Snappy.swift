/// Snappy's block format, which Blosc may contain: the size, then literals and copies of earlier bytes.
enum Snappy {
  private static let damage = Flaw.damage("a chunk's compressed bytes are damaged")

  static func block(
    _ source: borrowing Span<UInt8>, _ input: Range<Int>, _ target: inout MutableSpan<UInt8>, _ output: Range<Int>
  ) throws(Flaw) {
    var at = input.lowerBound
    var made = output.lowerBound
    /// A little-endian number of up to four bytes.
    func number(_ width: Int) throws(Flaw) -> Int {
      guard width <= input.upperBound - at else { throw damage }
      var value = 0
      for index in 0..<width { value |= Int(source[at + index]) << (8 * index) }
      at += width
      return value
    }
    var size = 0
    var shift = 0
    while true {
      let byte = try number(1)
      size |= (byte & 0x7f) << shift
      shift += 7
      if byte < 0x80 { break }
      guard shift < 35 else { throw damage }
    }
    guard size == output.count else { throw damage }
    while at < input.upperBound {
      let tag = try number(1)
      if tag & 3 == 0 {
        let length = (tag >> 2 < 60 ? tag >> 2 : try number(tag >> 2 - 59)) + 1
        guard length <= input.upperBound - at, length <= output.upperBound - made else { throw damage }
        target.copy(length, of: source, from: at, to: made)
        at += length
        made += length
        continue
      }
      let length: Int
      let distance: Int
      if tag & 3 == 1 {
        length = 4 + (tag >> 2 & 7)
        distance = (tag >> 5) << 8 | (try number(1))
      } else {
        length = tag >> 2 + 1
        distance = try number(tag & 3 == 2 ? 2 : 4)
      }
      guard distance > 0, distance <= made - output.lowerBound, length <= output.upperBound - made else { throw damage }
      // The copy may overlap what it makes.
      for index in made..<made + length { target[index] = target[index - distance] }
      made += length
    }
    guard made == output.upperBound else { throw damage }
  }
}
