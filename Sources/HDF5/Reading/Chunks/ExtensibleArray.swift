/// An extensible array (specification VII.D): the chunk index of datasets that grow in one dimension.
///
/// Its first entries are in the index block; the rest in data blocks that double in size every other *super block*.
struct ExtensibleArray {
  private let blocks: BlockReader
  private let address: UInt64
  private let hasSizes: Bool
  private let entrySize: Int
  private let positionBits: Int
  private let indexEntries: Int
  private let smallestDataBlock: Int
  private let smallestPointerCount: Int
  private let pageBits: Int
  private let indexBlock: UInt64?

  init(at address: UInt64, _ blocks: BlockReader) throws(Flaw) {
    let size = 16 + 6 * blocks.image.sizeOfLengths + blocks.image.sizeOfOffsets
    var head = try blocks.block(at: address, count: size, "an extensible array")
    try head.signature("EAHD")
    try head.version(0)
    let client = try head.byte()
    entrySize = try head.byte()
    positionBits = try head.byte()
    indexEntries = try head.byte()
    smallestDataBlock = try head.byte()
    smallestPointerCount = try head.byte()
    pageBits = try head.byte()
    try head.skip(6 * blocks.image.sizeOfLengths)
    indexBlock = try head.address()
    try head.checksum(from: 0)
    let (data, pointers) = (smallestDataBlock, smallestPointerCount)
    guard client < 2, entrySize >= blocks.image.sizeOfOffsets, (1...62).contains(positionBits), data > 0,
      data & (data - 1) == 0, pointers > 1, pointers & (pointers - 1) == 0, data.log2 <= positionBits, pageBits < 32
    else { throw .damage("an extensible array has impossible blocks") }
    hasSizes = client == 1
    self.address = address
    self.blocks = blocks
  }

  private typealias Visit = (Int, inout FieldReader, Bool) throws(Flaw) -> Void

  /// Data blocks of a super block, and entries of each.
  private func superBlock(_ index: Int) -> (dataBlocks: Int, entries: Int) {
    (1 << (index / 2), smallestDataBlock << ((index + 1) / 2))
  }

  private var positionSize: Int { (positionBits + 7) / 8 }

  /// Calls `visit` with the position and the fields of every entry in blocks that were written, and whether entries
  /// tell sizes.
  func visitAll(_ visit: (Int, inout FieldReader, Bool) throws(Flaw) -> Void) throws(Flaw) {
    guard let indexBlock else { return }
    let superBlocks = 1 + positionBits - smallestDataBlock.log2
    // The data blocks of the first super blocks hang on the index block itself.
    let direct = min(2 * smallestPointerCount.log2, superBlocks)
    var directBlocks = 0
    for index in 0..<direct { directBlocks += superBlock(index).dataBlocks }
    let pointers = directBlocks + superBlocks - direct
    let offsets = blocks.image.sizeOfOffsets
    let size = 6 + offsets + indexEntries * entrySize + pointers * offsets + 4
    var block = try blocks.block(at: indexBlock, count: size, "an extensible array's index block")
    try head(&block, "EAIB")
    var list = try block.block(indexEntries * entrySize)
    var addresses: [UInt64?] = []
    for _ in 0..<pointers { addresses.append(try block.address()) }
    try block.checksum(from: 0)

    try visitEntries(&list, 0..<indexEntries, visit)
    var position = 0
    var pointer = 0
    for index in 0..<superBlocks {
      let (count, entries) = superBlock(index)
      if index < direct {
        for _ in 0..<count {
          if let address = addresses[pointer] { try dataBlock(at: address, position, entries, pages: nil, visit) }
          position += entries
          pointer += 1
        }
      } else {
        if let address = addresses[pointer] { try superBlock(at: address, index, position, visit) }
        // Positions have at most `positionBits` bits in all.
        position = position.plus(count.times(entries) ?? .max) ?? .max
        pointer += 1
      }
    }
  }

  private func superBlock(at place: UInt64, _ index: Int, _ first: Int, _ visit: Visit) throws(Flaw) {
    let (count, entries) = superBlock(index)
    let pages = entries > 1 << pageBits ? entries >> pageBits : 0
    let bitmapSize = (pages + 7) / 8
    let headSize = 6 + blocks.image.sizeOfOffsets + positionSize
    let what = "an extensible array's super block"
    guard let size = count.times(bitmapSize + blocks.image.sizeOfOffsets)?.plus(headSize + 4) else {
      throw .overflow(what)
    }
    var block = try blocks.block(at: place, count: size, what)
    try head(&block, "EASB", first)
    let bitmaps = try block.take(count * bitmapSize)
    var addresses: [UInt64?] = []
    for _ in 0..<count { addresses.append(try block.address()) }
    try block.checksum(from: 0)
    for (number, address) in addresses.enumerated() {
      guard let address else { continue }
      // The bits of all data blocks follow one another.
      let written = (0..<pages).filter { page in
        let bit = number * pages + page
        return bitmaps[bit / 8] & 0x80 >> UInt8(bit % 8) != 0
      }
      try dataBlock(at: address, first + number * entries, entries, pages: pages > 0 ? written : nil, visit)
    }
  }

  /// `first` is the position of the block's first entry, counted after those of the index block.
  private func dataBlock(
    at place: UInt64, _ first: Int, _ entries: Int, pages: [Int]?, _ visit: Visit
  ) throws(Flaw) {
    let what = "an extensible array's data block"
    let inBlock = pages == nil ? entries : 0
    let headSize = 6 + blocks.image.sizeOfOffsets + positionSize
    guard let size = inBlock.times(entrySize)?.plus(headSize + 4), let start = first.plus(indexEntries) else {
      throw .overflow(what)
    }
    var block = try blocks.block(at: place, count: size, what)
    // Libraries differ in the position that they record here, so it is not checked.
    try head(&block, "EADB")
    try block.skip(positionSize)
    var list = try block.block(inBlock * entrySize)
    try block.checksum(from: 0)
    try visitEntries(&list, start..<start + inBlock, visit)
    let number = 1 << pageBits
    for page in pages ?? [] {
      guard let before = page.times(number * entrySize + 4)?.plus(size),
        let address = UInt64(exactly: before).map({ place.addingReportingOverflow($0) }), !address.overflow
      else { throw .overflow(what) }
      var content = try blocks.block(
        at: address.partialValue, count: number * entrySize + 4, "a page of an extensible array")
      var list = try content.block(number * entrySize)
      try content.checksum(from: 0)
      try visitEntries(&list, start + page * number..<start + (page + 1) * number, visit)
    }
  }

  private func head(_ block: inout FieldReader, _ signature: StaticString, _ position: Int? = nil) throws(Flaw) {
    try block.signature(signature)
    try block.version(0)
    guard try block.byte() == (hasSizes ? 1 : 0), try block.address() == address else {
      throw .damage("\(block.what) belongs to another array")
    }
    if let position, try block.number(positionSize) != position { throw .damage("\(block.what) belongs elsewhere") }
  }

  private func visitEntries(_ list: inout FieldReader, _ positions: Range<Int>, _ visit: Visit) throws(Flaw) {
    for position in positions {
      var entry = try list.block(entrySize)
      try visit(position, &entry, hasSizes)
    }
  }
}
