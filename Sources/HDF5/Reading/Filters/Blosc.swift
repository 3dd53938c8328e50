import AviaryArchives

/// Blosc 1 (filter 32001): blocks, each shuffled and then compressed, in as many streams as an element has bytes or in one.
struct Blosc {
  /// The code of a compressor in a chunk's flags.
  private enum Codec: Int {
    case bloscLZ, lz4, snappy, zlib, zstandard
  }

  private static let damage = Flaw.damage("a chunk's bytes packed by Blosc are damaged")
  private static let headSize = 16

  private let bytes: ByteRegion
  private let codec: Codec
  private let typeSize: Int
  private let total: Int
  private let blockSize: Int
  private let isCopied: Bool
  private let isShuffled: Bool
  private let isBitshuffled: Bool
  private let isSplit: Bool
  private let zstandard: Zstandard?

  static func decompressed(
    _ bytes: ByteRegion, size: Int?, most: Int, _ zstandard: () throws(Flaw) -> Zstandard
  ) throws(Flaw) -> ByteRegion {
    let chunk = try Blosc(bytes, zstandard)
    guard chunk.total <= most, size ?? chunk.total == chunk.total else {
      throw .damage("a chunk declares \(chunk.total) bytes, more or fewer than its size")
    }
    return try chunk.unpacked()
  }

  private init(_ bytes: ByteRegion, _ zstandard: () throws(Flaw) -> Zstandard) throws(Flaw) {
    guard let head = bytes.part(from: 0, count: Self.headSize)?.array() else { throw Self.damage }
    func number(_ at: Int) -> Int { head[at..<at + 4].reversed().reduce(0) { $0 << 8 | Int($1) } }
    guard head[0] <= 2 else { throw .unsupported("Blosc's format \(head[0])") }
    let flags = Int(head[2])
    typeSize = max(1, Int(head[3]))
    total = number(4)
    blockSize = number(8)
    isCopied = flags & 0x02 != 0
    isShuffled = flags & 0x01 != 0 && typeSize > 1
    isBitshuffled = flags & 0x04 != 0
    // Blocks of fewer elements than 128 are never split, nor those of large elements.
    isSplit = flags & 0x10 == 0 && typeSize <= 16 && blockSize / typeSize >= 128
    guard let codec = Codec(rawValue: flags >> 5) else { throw .unsupported("Blosc's codec \(flags >> 5)") }
    guard total == 0 || blockSize > 0 else { throw Self.damage }
    self.codec = codec
    self.bytes = bytes
    self.zstandard = codec == .zstandard && !isCopied && total > 0 ? try zstandard() : nil
  }

  private func unpacked() throws(Flaw) -> ByteRegion {
    if isCopied {
      guard let content = bytes.part(from: Self.headSize, count: total) else { throw Self.damage }
      return content
    }
    let count = total == 0 ? 0 : (total - 1) / blockSize + 1
    guard let starts = count.times(4), starts <= bytes.count - Self.headSize else { throw Self.damage }
    return try ByteRegion(zeroed: total) { (target) throws(Flaw) in
      for block in 0..<count {
        let made = block * blockSize
        let size = min(blockSize, total - made)
        let plain = unshuffled(try self.block(try number(at: Self.headSize + 4 * block), size))
        plain.withUInt8s { target.copy(size, of: $0, from: 0, to: made) }
      }
    }
  }

  private func number(at offset: Int) throws(Flaw) -> Int {
    guard let field = bytes.part(from: offset, count: 4)?.array() else { throw Self.damage }
    return field.reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// The bytes of a block, still shuffled. Only the last one is shorter than the others, and it is one stream.
  private func block(_ start: Int, _ size: Int) throws(Flaw) -> ByteRegion {
    let streams = isSplit && size == blockSize ? typeSize : 1
    let length = size / streams
    return try ByteRegion(zeroed: size) { (target) throws(Flaw) in
      var at = start
      for stream in 0..<streams {
        let stored = try number(at: at)
        guard let packed = bytes.part(from: at + 4, count: stored) else { throw Self.damage }
        let place = stream * length
        if stored == length {
          packed.withUInt8s { target.copy(length, of: $0, from: 0, to: place) }
        } else {
          try decompress(packed, &target, place..<place + length)
        }
        at += 4 + stored
      }
    }
  }

  private func decompress(_ packed: ByteRegion, _ target: inout MutableSpan<UInt8>, _ output: Range<Int>) throws(Flaw) {
    let plain: ByteRegion?
    switch codec {
    case .bloscLZ, .lz4, .snappy:
      return try packed.withUInt8s { (source) throws(Flaw) in
        let input = 0..<source.count
        switch codec {
        case .bloscLZ: try BloscLZ.block(source, input, &target, output)
        case .snappy: try Snappy.block(source, input, &target, output)
        default: try LZ4.block(source, input, &target, output)
        }
      }
    case .zlib:
      do { plain = try packed.inflated(to: output.count, wrapping: .zlib, path: "", part: "a chunk") } catch {
        throw Self.damage
      }
    case .zstandard: plain = zstandard?.decompressed(packed, size: output.count, limit: output.count)
    }
    guard let plain else { throw Self.damage }
    plain.withUInt8s { target.copy(output.count, of: $0, from: 0, to: output.lowerBound) }
  }

  private func unshuffled(_ block: ByteRegion) -> ByteRegion {
    if isShuffled { return Shuffle.undone(block, elementSize: typeSize) }
    // Only whole bytes of bits are shuffled: eight elements at a time.
    let count = block.count / typeSize
    guard isBitshuffled, count > 0, count % 8 == 0 else { return block }
    let whole = count * typeSize
    return ByteRegion(zeroed: block.count) { target in
      block.withUInt8s { source in
        Bitshuffle.transpose(source, from: 0, whole, typeSize, &target, at: 0)
        target.copy(block.count - whole, of: source, from: whole, to: whole)
      }
    }
  }
}
