/// Finds the chunks of a dataset, whatever the index (specification III.A.1, VII).
struct ChunkIndex {
  let layout: ChunkedLayout
  let grid: ChunkGrid
  /// Whether chunks pass through filters, so that the index has their stored sizes.
  let isFiltered: Bool
  let blocks: BlockReader
  private(set) var chunks: [StoredChunk] = []
  private var stored = 0

  init(_ layout: ChunkedLayout, _ grid: ChunkGrid, isFiltered: Bool, _ blocks: BlockReader) {
    self.layout = layout
    self.grid = grid
    self.isFiltered = isFiltered
    self.blocks = blocks
  }

  /// The chunks within the current extents, in no particular order.
  static func chunks(
    _ layout: ChunkedLayout, _ grid: ChunkGrid, isFiltered: Bool, _ blocks: BlockReader
  ) throws(Flaw) -> [StoredChunk] {
    var index = ChunkIndex(layout, grid, isFiltered: isFiltered, blocks)
    switch layout.index {
    case nil: break
    case .bTree1(let address): try index.bTree1(address)
    case .single(let address, let filtered):
      guard grid.count <= 1 else { throw .damage("a dataset of one chunk has \(grid.count)") }
      try index.add(0, address, filtered?.size ?? layout.size, filtered?.mask ?? 0)
    case .implicit(let address): try index.implicit(address)
    case .fixedArray(let address): try index.array(try FixedArray(at: address, blocks).visitAll)
    case .extensibleArray(let address): try index.array(try ExtensibleArray(at: address, blocks).visitAll)
    case .bTree2(let address): try index.bTree2(address)
    }
    return index.chunks
  }

  /// Chunks share no bytes, so all together they are no larger than the file.
  private mutating func add(_ number: Int?, _ address: UInt64, _ size: Int, _ mask: UInt32) throws(Flaw) {
    guard let number, number < grid.count else { return }
    guard size >= 0, let sum = stored.plus(size), sum <= blocks.image.bytes.count else {
      throw .damage("chunks are outside the file or share bytes")
    }
    stored = sum
    try blocks.charge(MemoryLayout<StoredChunk>.stride)
    chunks.append(StoredChunk(number: number, address: address, size: size, mask: mask))
  }

  /// An entry of a fixed or extensible array: an address and, where there are filters, size and mask.
  private mutating func add(_ position: Int, _ entry: inout FieldReader, _ hasSize: Bool) throws(Flaw) {
    guard hasSize == isFiltered else { throw .damage("a chunk index and the filter pipeline contradict each other") }
    guard let address = try entry.address() else { return }
    let number = grid.number(ofArrayPosition: position)
    guard hasSize else { return try add(number, address, layout.size, 0) }
    let width = entry.remaining - 4
    guard (1...8).contains(width) else { throw .damage("a chunk index has sizes of \(width) bytes") }
    let size = try entry.number(width)
    try add(number, address, size, UInt32(try entry.unsigned(4)))
  }

  private mutating func array(
    _ visitAll: ((Int, inout FieldReader, Bool) throws(Flaw) -> Void) throws(Flaw) -> Void
  ) throws(Flaw) {
    var index = self
    defer { self = index }
    try visitAll { (position, entry, hasSize) throws(Flaw) in try index.add(position, &entry, hasSize) }
  }

  private mutating func implicit(_ address: UInt64) throws(Flaw) {
    guard !isFiltered else { throw .damage("chunks without an index pass through filters") }
    var places = 1
    for count in grid.maximumCounts {
      guard let count, let product = places.times(count) else { throw .overflow("the number of chunks") }
      places = product
    }
    guard let size = places.times(layout.size), size <= blocks.image.bytes.count else {
      throw .damage("chunks are outside the file")
    }
    for position in 0..<places {
      let (place, overflow) = address.addingReportingOverflow(UInt64(position * layout.size))
      guard !overflow else { throw .damage("chunks are outside the file") }
      try add(grid.number(ofArrayPosition: position), place, layout.size, 0)
    }
  }

  private mutating func bTree1(_ address: UInt64) throws(Flaw) {
    var index = self
    defer { self = index }
    let rank = grid.dataset.count
    try BTree1.visitAll(
      at: address, .chunks, keySize: 8 + 8 * (rank + 1), halfCount: blocks.image.indexedStorageK, blocks,
      refuse: { (flaw) throws(Flaw) in throw flaw },
      { (entry) throws(Flaw) in
        let size = try entry.key.uint32()
        let mask = UInt32(try entry.key.unsigned(4))
        var coordinates: [Int] = []
        for dimension in 0..<rank {
          let offset = try entry.key.number(8)
          guard offset % index.grid.chunk[dimension] == 0 else { throw .damage("a chunk is off the grid") }
          coordinates.append(offset / index.grid.chunk[dimension])
        }
        try index.add(index.grid.number(coordinates), entry.address, size, mask)
      })
  }

  private mutating func bTree2(_ address: UInt64) throws(Flaw) {
    var index = self
    defer { self = index }
    let rank = grid.dataset.count
    let tree = try BTree2(at: address, blocks)
    try tree.visitAll { (type, record) throws(Flaw) in
      guard type == (index.isFiltered ? 11 : 10) else {
        throw .damage("a chunk index and the filter pipeline contradict each other")
      }
      guard let place = try record.address() else { throw .damage("a chunk has no address") }
      var size = index.layout.size
      var mask: UInt32 = 0
      if type == 11 {
        let width = record.remaining - 4 - 8 * rank
        guard (1...8).contains(width) else { throw .damage("a chunk index has sizes of \(width) bytes") }
        size = try record.number(width)
        mask = UInt32(try record.unsigned(4))
      }
      var coordinates: [Int] = []
      for _ in 0..<rank { coordinates.append(try record.number(8)) }
      try index.add(index.grid.number(coordinates), place, size, mask)
    }
  }
}
