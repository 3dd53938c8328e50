/// A collection of the global heap (specification III.E): sequences and texts of any length.
struct GlobalHeap {
  private let bytes: [UInt8]
  private var objects: [Int: Range<Int>] = [:]

  init(at address: UInt64, _ blocks: BlockReader) throws(Flaw) {
    // Heads, too, are padded to a multiple of eight bytes.
    let headSize = (8 + blocks.image.sizeOfLengths + 7) / 8 * 8
    let what = "a global heap collection"
    var head = try blocks.block(at: address, count: headSize, what)
    try head.signature("GCOL")
    try head.version(1)
    try head.skip(3)
    let size = try head.length()
    guard size >= headSize else { throw .damage("\(what) is smaller than its head") }
    var fields = try blocks.block(at: address, count: size, what)
    try fields.skip(headSize)
    while fields.remaining >= headSize {
      let index = try fields.uint16()
      try fields.skip(6)
      let length = try fields.length()
      try fields.skip(headSize - 8 - fields.sizeOfLengths)
      // Object 0 is the free space at the end.
      if index == 0 { break }
      let start = fields.offset
      try fields.skip(length)
      objects[index] = start..<start + length
      // The last object may do without its padding.
      try fields.skip(min(fields.remaining, (8 - length % 8) % 8))
    }
    bytes = fields.bytes
  }

  /// The bytes that an element of variable length refers to, by the address of a collection and an index in it.
  static func sequence(
    _ reference: ArraySlice<UInt8>, elementSize: Int, _ blocks: BlockReader
  ) throws(Flaw) -> ArraySlice<UInt8> {
    var fields = FieldReader(
      Array(reference), position: 0, what: "a sequence", sizeOfOffsets: blocks.image.sizeOfOffsets,
      sizeOfLengths: blocks.image.sizeOfLengths)
    let count = try fields.uint32()
    let place = try fields.unsigned(fields.sizeOfOffsets)
    let index = try fields.uint32()
    if count == 0 || place == 0 { return [] }
    if blocks.globalHeaps[place] == nil {
      blocks.globalHeaps[place] = try GlobalHeap(at: place, blocks)
    }
    guard let heap = blocks.globalHeaps[place], let range = heap.objects[index] else {
      throw .damage("a sequence refers to nothing")
    }
    guard let size = count.times(elementSize), size <= range.count else {
      throw .damage("a sequence is longer than its place")
    }
    try blocks.charge(size)
    return heap.bytes[range.lowerBound..<range.lowerBound + size]
  }
}
