import AviaryArchives

/// The local heap of an old group (specification III.D): the names of its links.
struct LocalHeap {
  private let names: ByteRegion

  init(at address: UInt64, _ blocks: BlockReader) throws(Flaw) {
    let headSize = 8 + 2 * blocks.image.sizeOfLengths + blocks.image.sizeOfOffsets
    var head = try blocks.block(at: address, count: headSize, "the local heap")
    try head.signature("HEAP")
    try head.version(0)
    try head.skip(3)
    let size = try head.length()
    _ = try head.unsigned(head.sizeOfLengths)
    guard let data = try head.address() else { throw .damage("the local heap has no data segment") }
    names = try blocks.region(at: data, count: size, "the local heap's data").bytes
  }

  /// The text at `offset`, up to a zero byte.
  func text(at offset: UInt64) throws(Flaw) -> String { String(decoding: try bytes(at: offset), as: UTF8.self) }

  /// The same as bytes.
  func bytes(at offset: UInt64) throws(Flaw) -> [UInt8] {
    if let start = Int(exactly: offset), start < names.count {
      let end = names.withUInt8s { bytes in
        var end = start
        while end < bytes.count, bytes[end] != 0 { end += 1 }
        return end
      }
      if end < names.count, let name = names.part(from: start, count: end - start) { return name.array() }
    }
    throw .damage("a name is outside its local heap")
  }
}
