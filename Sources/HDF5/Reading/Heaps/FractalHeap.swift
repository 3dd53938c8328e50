/// A fractal heap (specification III.G): links, attributes and shared messages of new files. Its blocks grow by rows
/// of a *doubling table*; an object is found by its offset in the space that they span.
final class FractalHeap {
  private let address: UInt64
  private let idLength: Int
  private let flags: Int
  private let largestManaged: Int
  private let hugeTree: UInt64?
  private let width: Int
  private let startingSize: Int
  private let largestDirect: Int
  private let heapBits: Int
  private let root: UInt64?
  private let rootRows: Int
  /// Blocks read, by address.
  private var directBlocks: [UInt64: FieldReader] = [:]
  private var indirectBlocks: [UInt64: [UInt64?]] = [:]
  private var hugeObjects: [UInt64: (address: UInt64, length: Int)]?

  init(at address: UInt64, _ blocks: BlockReader) throws(Flaw) {
    let (offsets, lengths) = (blocks.image.sizeOfOffsets, blocks.image.sizeOfLengths)
    let what = "the fractal heap"
    var head = try blocks.block(at: address, count: 26 + 12 * lengths + 3 * offsets, what)
    try head.signature("FRHP")
    try head.version(0)
    idLength = try head.uint16()
    let filterLength = try head.uint16()
    flags = try head.byte()
    largestManaged = try head.uint32()
    try head.skip(lengths)
    hugeTree = try head.address()
    try head.skip(lengths + offsets + 8 * lengths)
    width = try head.uint16()
    startingSize = try head.length()
    largestDirect = try head.length()
    heapBits = try head.uint16()
    try head.skip(2)
    root = try head.address()
    rootRows = try head.uint16()
    guard filterLength == 0 else { throw .unsupported("a compressed fractal heap") }
    try head.checksum(from: 0)
    guard startingSize > 0, startingSize & (startingSize - 1) == 0, largestDirect & (largestDirect - 1) == 0,
      largestDirect >= startingSize, width > 0, width & (width - 1) == 0, (1...62).contains(heapBits),
      largestDirect.log2 < 32, idLength > 0, rootRows <= 64
    else { throw .damage("\(what) declares impossible blocks") }
    self.address = address
  }

  private var offsetSize: Int { (heapBits + 7) / 8 }

  /// The object with the ID `id`.
  func object(_ id: [UInt8], _ what: String, _ blocks: BlockReader) throws(Flaw) -> FieldReader {
    guard id.count == idLength else { throw .damage("an ID of \(id.count) bytes in a fractal heap of \(idLength)") }
    var fields = FieldReader(
      id, position: 0, what: "the ID of \(what)", sizeOfOffsets: blocks.image.sizeOfOffsets,
      sizeOfLengths: blocks.image.sizeOfLengths)
    let first = try fields.byte()
    guard first >> 6 == 0 else { throw .damage("the ID of \(what) has version \(first >> 6)") }
    switch first >> 4 & 3 {
    case 0:
      let offset = try fields.number(offsetSize)
      let lengthSize = min((largestDirect.log2 + 7) / 8, largestManaged.encodedSize)
      return try managed(offset, try fields.number(lengthSize), what, blocks)
    case 1: return try huge(&fields, what, blocks)
    case 2:
      let isLong = idLength > 18
      let length = (isLong ? (first & 0x0f) << 8 | (try fields.byte()) : first & 0x0f) + 1
      return try fields.block(length, what: what)
    default: throw .damage("the ID of \(what) is of an unknown kind")
    }
  }

  private func huge(_ id: inout FieldReader, _ what: String, _ blocks: BlockReader) throws(Flaw) -> FieldReader {
    if idLength >= 1 + id.sizeOfOffsets + id.sizeOfLengths {
      guard let address = try id.address() else { throw .damage("\(what) has no address") }
      return try blocks.block(at: address, count: try id.length(), what)
    }
    let key = try id.unsigned(min(8, id.remaining))
    if hugeObjects == nil {
      guard let hugeTree else { throw .damage("the fractal heap has no index of huge objects") }
      var found: [UInt64: (address: UInt64, length: Int)] = [:]
      try BTree2(at: hugeTree, blocks).visitAll { (type, record) throws(Flaw) in
        guard type == 1 else { throw .unsupported("a compressed huge object") }
        guard let address = try record.address() else { throw .damage("a huge object has no address") }
        let length = try record.length()
        found[try record.unsigned(record.sizeOfLengths)] = (address, length)
      }
      hugeObjects = found
    }
    guard let place = hugeObjects?[key] else { throw .damage("\(what) is not in the index of huge objects") }
    return try blocks.block(at: place.address, count: place.length, what)
  }

  private func rowSize(_ row: Int) -> Int { row == 0 ? startingSize : startingSize << (row - 1) }

  /// Rows of direct blocks; the rows after them are of indirect blocks.
  private var directRows: Int { largestDirect.log2 - startingSize.log2 + 2 }

  /// Which block of the doubling table holds `offset`, and where that block begins.
  private func place(_ offset: Int) throws(Flaw) -> (row: Int, column: Int, start: Int) {
    guard offset >= 0, offset >> heapBits == 0 else { throw .damage("an object is outside its fractal heap") }
    let firstRow = startingSize * width
    if offset < firstRow { return (0, offset / startingSize, offset / startingSize * startingSize) }
    let row = offset.log2 - firstRow.log2 + 1
    let rowStart = 1 << offset.log2
    let size = rowSize(row)
    let column = (offset - rowStart) / size
    return (row, column, rowStart + column * size)
  }

  private func managed(
    _ offset: Int, _ length: Int, _ what: String, _ blocks: BlockReader
  ) throws(Flaw) -> FieldReader {
    guard var block = root else { throw .damage("\(what) is in an empty fractal heap") }
    // Where the current block begins, and how many rows it has; none in a direct block.
    var start = 0
    var rows = rootRows
    var size = startingSize
    // An indirect block's rows are fewer than those of the block above it, so this ends.
    while rows > 0 {
      let (row, column, childStart) = try place(offset - start)
      guard row < rows else { throw .damage("\(what) is outside its fractal heap") }
      let children = try indirectBlock(at: block, rows: rows, start: start, blocks)
      guard let child = children[row * width + column] else { throw .damage("\(what) is in an absent block") }
      block = child
      start += childStart
      size = rowSize(row)
      let below = row < directRows ? 0 : size.log2 - (startingSize * width).log2 + 1
      guard below < rows, below >= 0 else { throw .damage("blocks of the fractal heap contain themselves") }
      rows = below
    }
    var content = try directBlock(at: block, size: size, start: start, blocks)
    let within = offset - start
    guard within >= content.offset else { throw .damage("\(what) overlaps the head of its block") }
    try content.skip(within - content.offset)
    return try content.block(length, what: what)
  }

  private func indirectBlock(
    at place: UInt64, rows: Int, start: Int, _ blocks: BlockReader
  ) throws(Flaw) -> [UInt64?] {
    if let known = indirectBlocks[place] {
      guard known.count == rows * width else { throw .damage("a block of the fractal heap has two sizes") }
      return known
    }
    let what = "an indirect block of the fractal heap"
    let headSize = 5 + blocks.image.sizeOfOffsets + offsetSize
    guard let count = rows.times(width)?.times(blocks.image.sizeOfOffsets)?.plus(headSize + 4) else {
      throw .overflow(what)
    }
    var fields = try blocks.block(at: place, count: count, what)
    try head(&fields, "FHIB", start)
    var children: [UInt64?] = []
    for _ in 0..<rows * width { children.append(try fields.address()) }
    try fields.checksum(from: 0)
    indirectBlocks[place] = children
    return children
  }

  /// The content of a block after its header; offsets within the block include the header.
  private func directBlock(
    at place: UInt64, size: Int, start: Int, _ blocks: BlockReader
  ) throws(Flaw) -> FieldReader {
    if let known = directBlocks[place] {
      guard known.end == size else { throw .damage("a block of the fractal heap has two sizes") }
      return known
    }
    var fields = try blocks.block(at: place, count: size, "a direct block of the fractal heap")
    try head(&fields, "FHDB", start)
    if flags & 2 != 0 {
      // The checksum counts as zero in its own computation.
      var blank = fields.bytes
      let at = fields.offset
      let stored = try fields.uint32()
      for index in at..<fields.offset { blank[index] = 0 }
      guard stored == Int(Lookup3.hash(blank[...])) else {
        throw .damage("the checksum of \(fields.what) does not match its bytes")
      }
    }
    directBlocks[place] = fields
    return fields
  }

  private func head(_ fields: inout FieldReader, _ signature: StaticString, _ start: Int) throws(Flaw) {
    try fields.signature(signature)
    try fields.version(0)
    guard try fields.address() == address else { throw .damage("\(fields.what) belongs to another heap") }
    guard try fields.number(offsetSize) == start else { throw .damage("\(fields.what) belongs elsewhere") }
  }
}
