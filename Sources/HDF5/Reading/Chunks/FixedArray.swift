/// A fixed array (specification VII.C): the chunk index of datasets that cannot grow.
struct FixedArray {
  private let blocks: BlockReader
  private let address: UInt64
  private let hasSizes: Bool
  private let entrySize: Int
  private let pageBits: Int
  private let count: Int
  private let dataBlock: UInt64?

  init(at address: UInt64, _ blocks: BlockReader) throws(Flaw) {
    let size = 12 + blocks.image.sizeOfLengths + blocks.image.sizeOfOffsets
    var head = try blocks.block(at: address, count: size, "a fixed array")
    try head.signature("FAHD")
    try head.version(0)
    let client = try head.byte()
    entrySize = try head.byte()
    pageBits = try head.byte()
    count = try head.length()
    dataBlock = try head.address()
    try head.checksum(from: 0)
    guard client < 2, entrySize >= blocks.image.sizeOfOffsets, pageBits < 32 else {
      throw .damage("a fixed array has impossible entries")
    }
    hasSizes = client == 1
    self.address = address
    self.blocks = blocks
  }

  /// Calls `visit` with the position and the fields of every entry in pages that were written, and whether entries
  /// tell sizes.
  func visitAll(_ visit: (Int, inout FieldReader, Bool) throws(Flaw) -> Void) throws(Flaw) {
    guard let dataBlock, count > 0 else { return }
    let what = "a fixed array's data block"
    let headSize = 6 + blocks.image.sizeOfOffsets
    let pageCount = 1 << pageBits
    let isPaged = count > pageCount
    let pages = isPaged ? count / pageCount + (count % pageCount == 0 ? 0 : 1) : 0
    let bitmapSize = isPaged ? pages / 8 + (pages % 8 == 0 ? 0 : 1) : 0
    let entries = isPaged ? 0 : count
    guard let size = entries.times(entrySize)?.plus(headSize + bitmapSize + 4) else { throw .overflow(what) }
    var block = try blocks.block(at: dataBlock, count: size, what)
    try block.signature("FADB")
    try block.version(0)
    guard try block.byte() == (hasSizes ? 1 : 0), try block.address() == address else {
      throw .damage("\(what) belongs to another array")
    }
    let bitmap = try block.take(bitmapSize)
    var list = try block.block(entries * entrySize)
    try block.checksum(from: 0)
    try visitEntries(&list, 0..<entries, visit)
    // Pages follow one another; each but the last is full, and each has its checksum.
    for page in 0..<pages where bitmap[page / 8] & 0x80 >> UInt8(page % 8) != 0 {
      let first = page * pageCount
      let number = min(pageCount, count - first)
      guard let before = page.times(pageCount * entrySize + 4)?.plus(size),
        let start = UInt64(exactly: before).map({ dataBlock.addingReportingOverflow($0) }), !start.overflow
      else { throw .overflow(what) }
      var content = try blocks.block(
        at: start.partialValue, count: number * entrySize + 4, "a page of a fixed array")
      var list = try content.block(number * entrySize)
      try content.checksum(from: 0)
      try visitEntries(&list, first..<first + number, visit)
    }
  }

  private func visitEntries(
    _ list: inout FieldReader, _ positions: Range<Int>, _ visit: (Int, inout FieldReader, Bool) throws(Flaw) -> Void
  ) throws(Flaw) {
    for position in positions {
      var entry = try list.block(entrySize)
      try visit(position, &entry, hasSizes)
    }
  }
}
