import AviaryArchives

/// LZ4 in the form of HDF5's plug-in (filter 32004): the whole size (8 bytes) and the size of a block (4 bytes), then the
/// blocks, each after its stored size (4 bytes). These numbers are big-endian. A block that did not shrink is stored as is.
enum LZ4 {
  static func decompressed(_ bytes: ByteRegion, size: Int?, most: Int) throws(Flaw) -> ByteRegion {
    try bytes.withUInt8s { (source) throws(Flaw) in
      var at = 0
      let total = try number(8, source, &at)
      guard total <= most, size ?? total == total else {
        throw .damage("a chunk declares \(total) bytes, more or fewer than its size")
      }
      let blockSize = try number(4, source, &at)
      guard blockSize > 0 || total == 0 else { throw damage }
      return try ByteRegion(zeroed: total) { (target) throws(Flaw) in
        var made = 0
        while made < total {
          let length = min(blockSize, total - made)
          let stored = try number(4, source, &at)
          guard stored <= source.count - at else { throw damage }
          if stored == length {
            target.copy(length, of: source, from: at, to: made)
          } else {
            try block(source, at..<at + stored, &target, made..<made + length)
          }
          at += stored
          made += length
        }
      }
    }
  }

  private static let damage = Flaw.damage("a chunk's compressed bytes are damaged")

  private static func number(_ width: Int, _ source: borrowing Span<UInt8>, _ at: inout Int) throws(Flaw) -> Int {
    guard width <= source.count - at else { throw damage }
    var value: UInt64 = 0
    for index in at..<at + width { value = value << 8 | UInt64(source[index]) }
    at += width
    guard let number = Int(exactly: value) else { throw damage }
    return number
  }

  /// One block of the LZ4 block format: sequences of literals and a copy of earlier bytes; the last has no copy.
  static func block(
    _ source: borrowing Span<UInt8>, _ input: Range<Int>, _ target: inout MutableSpan<UInt8>, _ output: Range<Int>
  ) throws(Flaw) {
    var at = input.lowerBound
    var made = output.lowerBound
    while at < input.upperBound {
      let token = Int(source[at])
      at += 1
      let literals = try length(token >> 4, source, &at, input.upperBound)
      guard literals <= input.upperBound - at, literals <= output.upperBound - made else { throw damage }
      target.copy(literals, of: source, from: at, to: made)
      at += literals
      made += literals
      if at == input.upperBound { break }
      guard input.upperBound - at >= 2 else { throw damage }
      let distance = Int(source[at]) | Int(source[at + 1]) << 8
      at += 2
      let copied = try length(token & 15, source, &at, input.upperBound) + 4
      guard distance > 0, distance <= made - output.lowerBound, copied <= output.upperBound - made else { throw damage }
      // The copy may overlap what it makes.
      for index in made..<made + copied { target[index] = target[index - distance] }
      made += copied
    }
    guard made == output.upperBound else { throw damage }
  }

  /// A length of 15 in the token continues in bytes up to the first that is not 255.
  private static func length(
    _ start: Int, _ source: borrowing Span<UInt8>, _ at: inout Int, _ end: Int
  ) throws(Flaw) -> Int {
    var length = start
    guard start == 15 else { return length }
    while true {
      guard at < end else { throw damage }
      let more = Int(source[at])
      at += 1
      length += more
      if more < 255 { return length }
    }
  }
}
