/// BloscLZ, Blosc's own compression: runs of literals, and copies of earlier bytes.
enum BloscLZ {
  private static let damage = Flaw.damage("a chunk's compressed bytes are damaged")
  /// Farther copies have their distance in two more bytes.
  private static let nearest = 8191

  static func block(
    _ source: borrowing Span<UInt8>, _ input: Range<Int>, _ target: inout MutableSpan<UInt8>, _ output: Range<Int>
  ) throws(Flaw) {
    var at = input.lowerBound
    var made = output.lowerBound
    func byte() throws(Flaw) -> Int {
      guard at < input.upperBound else { throw damage }
      defer { at += 1 }
      return Int(source[at])
    }
    // The first run is of literals.
    var control = try byte() & 31
    while true {
      if control < 32 {
        let length = control + 1
        guard length <= input.upperBound - at, length <= output.upperBound - made else { throw damage }
        target.copy(length, of: source, from: at, to: made)
        at += length
        made += length
      } else {
        var length = control >> 5 - 1
        let high = (control & 31) << 8
        if length == 6 {
          var more: Int
          repeat {
            more = try byte()
            length += more
          } while more == 255
        }
        length += 3
        let low = try byte()
        var distance = high + low + 1
        if low == 255, high == 31 << 8 {
          let first = try byte()
          distance = (first << 8 | (try byte())) + nearest + 1
        }
        guard distance <= made - output.lowerBound, length <= output.upperBound - made else { throw damage }
        // The copy may overlap what it makes.
        for index in made..<made + length { target[index] = target[index - distance] }
        made += length
      }
      if at == input.upperBound { break }
      control = try byte()
    }
    guard made == output.upperBound else { throw damage }
  }
}
