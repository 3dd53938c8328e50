import AviaryDiagnostics

/// A contiguous frame of Blosc2 that holds one chunk, as HDF5's filter writes it:
/// <https://github.com/Blosc/c-blosc2/blob/main/README_CFRAME_FORMAT.rst>. It is read here and not by c-blosc2, which trusts the
/// sizes in a frame; what c-blosc2 is given is a single chunk.
struct Blosc2Frame {
  /// What the chunk is.
  enum Content {
    /// Elements that are all alike, and not stored.
    case zeros, notANumber
    case chunk(ByteRegion)
  }

  /// How an array of several axes lies in its chunk: in blocks, each of them row by row, in the order of a grid.
  struct Blocks {
    var shape: [Int]
    /// The extents of the chunk, and of a block of it.
    var chunk: [Int]
    var block: [Int]
  }

  /// Bytes of an element.
  let elementSize: Int
  /// Bytes of the chunk.
  let byteCount: Int
  /// `nil` where the chunk is the elements in sequence.
  let blocks: Blocks?
  let content: Content

  private static let headSize = 87
  private static let mostAxes = 8
  /// The names of the layer that says how an array lies in its chunks; the second one is that of the package before.
  private static let layers = ["b2nd", "caterva"]

  /// The elements of a frame, row by row; `nil` where it is damaged or has another size.
  ///
  /// - Parameter decompress: as below.
  static func elements(
    of frame: ByteRegion, size: Int, decompress: (ByteRegion, Int) -> ByteRegion?
  ) -> ByteRegion? {
    guard size > 0, let frame = Self(frame, decompress: decompress) else { return nil }
    if let blocks = frame.blocks {
      guard let sizes = blocks.sizes(frame.elementSize), sizes.array == size, sizes.chunk == frame.byteCount else {
        return nil
      }
    } else if frame.byteCount != size {
      return nil
    }
    switch frame.content {
    case .zeros: return ByteRegion(count: size) { _ in }
    case .notANumber:
      switch frame.elementSize {
      case 4: return ByteRegion(littleEndian: Array(repeating: Float.nan.bitPattern, count: size / 4))
      case 8: return ByteRegion(littleEndian: Array(repeating: Double.nan.bitPattern, count: size / 8))
      default: return nil
      }
    case .chunk(let chunk):
      guard let all = decompress(chunk, frame.byteCount) else { return nil }
      return frame.blocks?.rows(all, element: frame.elementSize, size: size) ?? all
    }
  }

  /// - Parameter decompress: gives a chunk's bytes, of which there have to be as many as it says; `nil` if there are not.
  init?(_ frame: ByteRegion, decompress: (ByteRegion, Int) -> ByteRegion?) {
    var fields = BigEndianFields(frame)
    // A list of fields, each of a fixed width, with its kind before it.
    guard fields.unsigned(2) & 0xf0ff == 0x90a8, fields.text(8) == "b2frame\0", let headSize = fields.number(4),
      let frameSize = fields.number(8), let flags = fields.bytes(5), let byteCount = fields.number(8),
      let compressed = fields.number(8), let elementSize = fields.number(4), fields.number(4) != nil,
      let chunkSize = fields.number(4)
    else { return nil }
    // 64-bit offsets, chunks of one size, in one piece of memory.
    guard flags[1] & 0xf0 == 0x10, flags[2] & 0x0f == 0, frameSize <= frame.count, headSize >= Self.headSize,
      elementSize > 0, byteCount > 0, byteCount <= chunkSize, byteCount % elementSize == 0,
      headSize <= frameSize, compressed <= frameSize - headSize,
      let chunks = frame.part(from: headSize, count: compressed),
      let index = frame.part(from: headSize + compressed, count: frameSize - headSize - compressed)
    else { return nil }
    (self.elementSize, self.byteCount) = (elementSize, byteCount)
    guard let blocks = Self.blocks(frame, headSize) else { return nil }
    self.blocks = blocks.isEmpty ? nil : blocks[0]
    // The place of the only chunk after the header, little-endian; negative where it is not stored.
    guard let places = decompress(index, 8), places.count == 8 else { return nil }
    let place = places.array().reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    if place >> 63 == 1 {
      switch place >> 56 & 7 {
      case 1: content = .zeros
      case 2: content = .notANumber
      default: return nil
      }
    } else {
      guard let start = Int(exactly: place), start < chunks.count,
        let chunk = chunks.part(from: start, count: chunks.count - start)
      else { return nil }
      content = .chunk(chunk)
    }
  }

  /// What the layers of a frame say: nothing or one thing; `nil` where they are damaged.
  private static func blocks(_ frame: ByteRegion, _ headSize: Int) -> [Blocks]? {
    guard let head = frame.part(from: 0, count: headSize) else { return nil }
    var fields = BigEndianFields(head, offset: self.headSize)
    // The size of the map, the map of names and places, a list of contents.
    guard fields.unsigned(1) == 0x93, fields.number(2) != nil, let count = fields.number(2) else { return nil }
    for _ in 0..<count {
      guard let length = fields.bytes(1), length[0] & 0xe0 == 0xa0, let name = fields.text(Int(length[0] & 0x1f)),
        let place = fields.number(4)
      else { return nil }
      if layers.contains(where: { $0.isExactly(name) }) {
        var content = BigEndianFields(head, offset: place)
        guard content.number(4) != nil, let found = blocks(&content) else { return nil }
        return [found]
      }
    }
    return []
  }

  private static func blocks(_ fields: inout BigEndianFields) -> Blocks? {
    guard let kind = fields.bytes(3), kind[0] & 0xf0 == 0x90, (1...mostAxes).contains(Int(kind[2])) else { return nil }
    let axes = Int(kind[2])
    func extents(_ size: Int) -> [Int]? {
      guard fields.unsigned(1) == 0x90 | UInt64(axes) else { return nil }
      let numbers = (0..<axes).map { _ in fields.number(size) ?? 0 }
      return numbers.allSatisfy { $0 > 0 } ? numbers : nil
    }
    guard let shape = extents(8), let chunk = extents(4), let block = extents(4),
      zip(shape, chunk).allSatisfy(<=), zip(block, chunk).allSatisfy(<=)
    else { return nil }
    return Blocks(shape: shape, chunk: chunk, block: block)
  }
}

extension Blosc2Frame.Blocks {
  /// The number of blocks along each axis. The last one may be longer than what is left of the chunk.
  private var counts: [Int] { zip(chunk, block).map { ($0 + $1 - 1) / $1 } }

  /// The bytes of all blocks, and of the array; `nil` if these are no `Int`s.
  func sizes(_ element: Int) -> (chunk: Int, array: Int)? {
    func product(_ factors: [Int]) -> Int? {
      factors.reduce(element) { partial, factor in
        guard let (product, isTooLarge) = partial?.multipliedReportingOverflow(by: factor), !isTooLarge else {
          return nil
        }
        return product
      }
    }
    guard let whole = product(counts + block), let array = product(shape) else { return nil }
    return (whole, array)
  }

  /// The elements row by row, of those of all blocks.
  func rows(_ bytes: ByteRegion, element: Int, size: Int) -> ByteRegion {
    let (counts, last) = (counts, shape.count - 1)
    let (run, rows) = (block[last] * element, Array(block[..<last]))
    return ByteRegion(zeroed: size) { target in
      bytes.withUInt8s { source in
        var from = 0
        // The number of a block, and of a row within it, along each axis.
        var place = Array(repeating: 0, count: shape.count)
        var row = Array(repeating: 0, count: last)
        repeat {
          let first = place[last] * block[last]
          let count = min(block[last], shape[last] - first) * element
          repeat {
            var to = 0
            var isWithin = count > 0
            for axis in 0..<last {
              let position = place[axis] * block[axis] + row[axis]
              if position >= shape[axis] { isWithin = false }
              to = (to + position) * shape[axis + 1]
            }
            if isWithin { target.copy(count, of: source, from: from, to: (to + first) * element) }
            from += run
          } while Self.advance(&row, rows)
        } while Self.advance(&place, counts)
      }
    }
  }

  /// The next place in a box, the last axis first; false after the last one.
  private static func advance(_ place: inout [Int], _ extents: [Int]) -> Bool {
    for axis in extents.indices.reversed() {
      place[axis] += 1
      if place[axis] < extents[axis] { return true }
      place[axis] = 0
    }
    return false
  }
}

/// Reads the fields of a frame's head in sequence: msgpack's numbers of fixed width, with a byte for their kind before them.
private struct BigEndianFields {
  private let bytes: [UInt8]
  private var offset: Int

  init(_ region: ByteRegion, offset: Int = 0) {
    // Heads are short.
    bytes = region.part(from: 0, count: min(region.count, 64 << 10))?.array() ?? []
    self.offset = min(max(offset, 0), bytes.count)
  }

  mutating func bytes(_ count: Int) -> [UInt8]? {
    guard count >= 0, count <= bytes.count - offset else { return nil }
    defer { offset += count }
    return Array(bytes[offset..<offset + count])
  }

  mutating func text(_ count: Int) -> String? { bytes(count).map { String(decoding: $0, as: UTF8.self) } }

  /// The next bytes as a number; all ones where they are not there.
  mutating func unsigned(_ size: Int) -> UInt64 {
    bytes(size)?.reduce(0) { $0 << 8 | UInt64($1) } ?? .max
  }

  /// A number that is not negative, after the byte that says its kind.
  mutating func number(_ size: Int) -> Int? {
    guard bytes(1) != nil, let value = bytes(size)?.reduce(UInt64(0), { $0 << 8 | UInt64($1) }), value < 1 << 62,
      size == 8 || value < 1 << (8 * UInt64(size) - (size == 4 ? 1 : 0))
    else { return nil }
    return Int(value)
  }
}
