/// The local heap of an old group (specification III.D): the names of its links.
struct LocalHeap {
  private let names: [UInt8]

  init(at address: UInt64, _ blocks: BlockReader) throws(Flaw) {
    let headSize = 8 + 2 * blocks.image.sizeOfLengths + blocks.image.sizeOfOffsets
    var head = try blocks.block(at: address, count: headSize, "the local heap")
    try head.signature("HEAP")
    try head.version(0)
    try head.skip(3)
    let size = try head.length()
    _ = try head.unsigned(head.sizeOfLengths)
    guard let data = try head.address() else { throw .damage("the local heap has no data segment") }
    names = try blocks.block(at: data, count: size, "the local heap's data").bytes
  }

  /// The text at `offset`, up to a zero byte.
  func text(at offset: UInt64) throws(Flaw) -> String {
    guard let start = Int(exactly: offset), start < names.count,
      let end = names[start...].firstIndex(of: 0)
    else { throw .damage("a name lies outside its local heap") }
    return String(decoding: names[start..<end], as: UTF8.self)
  }
}
