import AviaryArchives

/// The bitshuffle filter (32008): the lowest bits of a block's elements, then the second ones …, compressed by LZ4 or
/// Zstandard, or not at all.
///
/// Compressed blocks follow the whole size (8 bytes) and the bytes of a block (4 bytes), each after its stored size
/// (4 bytes). These numbers are big-endian. Elements at the end that are not a multiple of eight are stored as they are.
enum Bitshuffle {
  enum Codec: UInt32 {
    case none = 0
    case lz4 = 2
    case zstandard = 3
  }

  private static let damage = Flaw.damage("a chunk's bytes packed by bitshuffle are damaged")

  /// How the blocks are compressed, by the filter's parameters.
  static func codec(_ parameters: [UInt32]) throws(Flaw) -> Codec {
    guard parameters.count > 2 else { throw .damage("the bitshuffle filter lacks parameters") }
    guard parameters.count > 4 else { return .none }
    guard let codec = Codec(rawValue: parameters[4]) else {
      throw .unsupported("bitshuffle with codec \(parameters[4])")
    }
    return codec
  }

  static func decompressed(
    _ bytes: ByteRegion, _ parameters: [UInt32], size: Int?, most: Int, _ zstandard: () throws(Flaw) -> Zstandard
  ) throws(Flaw) -> ByteRegion {
    let codec = try codec(parameters)
    let element = Int(parameters[2])
    guard element > 0, element <= most else { throw .damage("the bitshuffle filter has no element size") }
    if codec == .none {
      let block = parameters.count > 3 && parameters[3] > 0 ? Int(parameters[3]) : defaultBlock(element)
      guard block % 8 == 0 else { throw damage }
      return try undone(bytes, element: element, block: block)
    }
    guard let head = bytes.part(from: 0, count: 12)?.array() else { throw damage }
    let total = head[0..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let blockBytes = head[8..<12].reduce(0) { $0 << 8 | Int($1) }
    guard total <= UInt64(most), size ?? Int(total) == Int(total) else {
      throw .damage("a chunk declares \(total) bytes, more or fewer than its size")
    }
    // Where the head tells no block, it is the default one.
    let block = blockBytes > 0 ? blockBytes / element : defaultBlock(element)
    guard block > 0, block % 8 == 0 else { throw damage }
    return try unpacked(bytes, Int(total), element: element, block: block, codec, zstandard)
  }

  private static func defaultBlock(_ element: Int) -> Int { max(128, 8192 / element / 8 * 8) }

  /// The ranges of bytes that are transposed, and of those that are not.
  private static func blocks(_ total: Int, _ element: Int, _ block: Int) -> (sizes: [Int], rest: Int) {
    let count = total / element
    guard let whole = block.times(element) else { return ([count / 8 * 8 * element], total - count / 8 * 8 * element) }
    var sizes = [Int](repeating: whole, count: count / block)
    let last = count % block / 8 * 8
    if last > 0 { sizes.append(last * element) }
    return (sizes, total - sizes.reduce(0, +))
  }

  private static func undone(_ bytes: ByteRegion, element: Int, block: Int) throws(Flaw) -> ByteRegion {
    let (sizes, rest) = blocks(bytes.count, element, block)
    return ByteRegion(zeroed: bytes.count) { target in
      bytes.withUInt8s { source in
        var at = 0
        for size in sizes {
          transpose(source, from: at, size, element, &target, at: at)
          at += size
        }
        target.copy(rest, of: source, from: at, to: at)
      }
    }
  }

  private static func unpacked(
    _ bytes: ByteRegion, _ total: Int, element: Int, block: Int, _ codec: Codec,
    _ zstandard: () throws(Flaw) -> Zstandard
  ) throws(Flaw) -> ByteRegion {
    let (sizes, rest) = blocks(total, element, block)
    let library = codec == .zstandard ? try zstandard() : nil
    return try ByteRegion(zeroed: total) { (target) throws(Flaw) in
      var at = 12
      var made = 0
      for size in sizes {
        guard let head = bytes.part(from: at, count: 4)?.array() else { throw damage }
        let stored = head.reduce(0) { $0 << 8 | Int($1) }
        guard let packed = bytes.part(from: at + 4, count: stored) else { throw damage }
        let plain: ByteRegion?
        if let library {
          plain = library.decompressed(packed, size: size, limit: size)
        } else {
          plain = try ByteRegion(zeroed: size) { (target) throws(Flaw) in
            try packed.withUInt8s { (source) throws(Flaw) in
              try LZ4.block(source, 0..<source.count, &target, 0..<size)
            }
          }
        }
        guard let plain else { throw damage }
        plain.withUInt8s { transpose($0, from: 0, size, element, &target, at: made) }
        at += 4 + stored
        made += size
      }
      guard let tail = bytes.part(from: at, count: rest) else { throw damage }
      tail.withUInt8s { target.copy(rest, of: $0, from: 0, to: made) }
    }
  }

  /// Undoes the transposition of `size` bytes, a multiple of eight elements.
  static func transpose(
    _ source: borrowing Span<UInt8>, from start: Int, _ size: Int, _ element: Int, _ target: inout MutableSpan<UInt8>,
    at offset: Int
  ) {
    // Bytes of a row of bits: one for eight elements.
    let row = size / element / 8
    for byte in 0..<element {
      let first = start + byte * 8 * row
      for group in 0..<row {
        var bits: UInt64 = 0
        for bit in 0..<8 { bits |= UInt64(source[first + bit * row + group]) << UInt64(8 * bit) }
        var turned = transposed(bits)
        var place = offset + group * 8 * element + byte
        for _ in 0..<8 {
          target[place] = UInt8(truncatingIfNeeded: turned)
          turned >>= 8
          place += element
        }
      }
    }
  }

  /// A matrix of 8 by 8 bits with its rows as columns.
  private static func transposed(_ matrix: UInt64) -> UInt64 {
    var bits = matrix
    var moved = (bits ^ (bits >> 7)) & 0x00aa_00aa_00aa_00aa
    bits ^= moved ^ (moved << 7)
    moved = (bits ^ (bits >> 14)) & 0x0000_cccc_0000_cccc
    bits ^= moved ^ (moved << 14)
    moved = (bits ^ (bits >> 28)) & 0x0000_0000_f0f0_f0f0
    return bits ^ moved ^ (moved << 28)
  }
}
