/// A collection of the global heap (specification III.E): sequences and texts of any length, parts of virtual datasets.
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

  /// The object of a number in the collection at `address`.
  static func object(_ index: Int, at address: UInt64, _ blocks: BlockReader) throws(Flaw) -> FieldReader {
    let heap = try collection(at: address, blocks)
    guard let range = heap.objects[index] else { throw .damage("the parts of a virtual dataset are not in the heap") }
    try blocks.charge(range.count)
    return FieldReader(
      Array(heap.bytes[range]), position: 0, what: "the parts of a virtual dataset",
      sizeOfOffsets: blocks.image.sizeOfOffsets, sizeOfLengths: blocks.image.sizeOfLengths)
  }

  private static func collection(at address: UInt64, _ blocks: BlockReader) throws(Flaw) -> GlobalHeap {
    if let known = blocks.globalHeaps[address] { return known }
    let heap = try GlobalHeap(at: address, blocks)
    blocks.globalHeaps[address] = heap
    return heap
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
    let heap = try collection(at: place, blocks)
    guard let range = heap.objects[index] else { throw .damage("a sequence refers to nothing") }
    guard let size = count.times(elementSize), size <= range.count else {
      throw .damage("a sequence is longer than its place")
    }
    try blocks.charge(size)
    return heap.bytes[range.lowerBound..<range.lowerBound + size]
  }
}
