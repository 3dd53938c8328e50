import AviaryArchives

/// Collects the selected bytes of a dataset, which is contiguous, chunked or virtual; what was never written has fill values.
struct DatasetStorage {
  let object: DatasetObject
  /// The file that the dataset is in.
  let reader: HDF5Reader
  let libraries: FilterLibraries
  /// How many virtual datasets it is part of.
  var depth = 0
  /// Where those find their sources.
  var sources: VirtualSources?

  var image: FileImage { reader.image }
  private var element: Int { object.datatype.size }

  /// The selected elements in the datatype of the file, in row-major order; not copied where they are contiguous in it.
  func bytes(_ slab: Hyperslab) throws(Flaw) -> ByteRegion {
    // At most `storedCount`, which is an `Int`.
    let size = slab.count * element
    if size == 0 { return ByteRegion([UInt8]()) }
    if let position = object.position(image) { return try contiguous(slab, size, at: position) }
    try Self.check(size)
    if let virtual {
      if virtual.mappings.isEmpty { return try unwritten(size) }
      return try made(size) { (target) throws(Flaw) in
        fill(&target)
        try virtual.read(slab, to: &target)
      }
    }
    guard case .chunked(let layout) = object.layout else { return try unwritten(size) }
    return try chunked(slab, size, layout)
  }

  /// The parts of a virtual dataset.
  var virtual: VirtualStorage? {
    guard case .virtual(let mappings) = object.layout else { return nil }
    let sources = sources ?? VirtualSources(size: object.storedCount)
    return VirtualStorage(object: object, mappings: mappings, storage: self, sources: sources)
  }

  /// The bytes that are unpacked for a part of the dataset. Those of virtual datasets are counted in their sources.
  func work(_ slab: Hyperslab) throws(Flaw) -> Int {
    guard case .chunked(let layout) = object.layout else { return 0 }
    let grid = try ChunkGrid(object.dataspace, layout)
    let chunks = min(ChunkSelection(slab, grid).count ?? .max, try index(layout, grid).count)
    return chunks.times(layout.size) ?? .max
  }

  static func check(_ size: Int) throws(Flaw) {
    guard size <= HDF5Reader.sizeLimit else { throw .tooLarge(bytes: size, limit: HDF5Reader.sizeLimit) }
  }

  private func contiguous(_ slab: Hyperslab, _ size: Int, at position: Int) throws(Flaw) -> ByteRegion {
    let available = max(0, image.bytes.count - position)
    guard let region = image.bytes.part(from: position, count: object.storedCount) else {
      throw .truncated(needed: object.storedCount, available: available)
    }
    let extents = object.dataspace.extents
    let origin = [Int](repeating: 0, count: extents.count)
    guard let copy = StridedCopy(slab, origin: origin, extents: extents, inside: extents, element: element) else {
      return ByteRegion([UInt8]())
    }
    if copy.isSingleRun, let run = region.part(from: copy.source, count: size) { return run }
    return try made(size) { copy.copy(region, to: &$0) }
  }

  func made(
    _ size: Int, _ write: (inout MutableSpan<UInt8>) throws(Flaw) -> Void
  ) throws(Flaw) -> ByteRegion {
    guard let bytes = try ByteRegion(reserving: size, write: write) else { throw .noMemory(bytes: size) }
    return bytes
  }

  /// Elements none of which was written. They take no memory before they are used.
  private func unwritten(_ size: Int) throws(Flaw) -> ByteRegion {
    guard let value = object.fillValue, !value.isEmpty, size >= ByteRegion.reservedSize else {
      return try made(size) { fill(&$0) }
    }
    return ByteRegion(
      DeferredBytes(count: size, pieceSize: max(1, (4 << 20) / value.count) * value.count) { range in
        ByteRegion(zeroed: range.count) { Self.fill(&$0, with: value, from: range.lowerBound) }
      })
  }

  private func chunked(_ slab: Hyperslab, _ size: Int, _ layout: ChunkedLayout) throws(Flaw) -> ByteRegion {
    let decoder = try FilterPipeline.Decoder(object.pipeline, libraries)
    let grid = try ChunkGrid(object.dataspace, layout)
    let selection = ChunkSelection(slab, grid)
    let chunks = selection.chunks(of: try index(layout, grid))
    if chunks.isEmpty { return try unwritten(size) }
    return try made(size) { (target) throws(Flaw) in
      if chunks.count != selection.count { fill(&target) }
      for chunk in chunks {
        let origin = zip(grid.coordinates(chunk.number), grid.chunk).map { $0 * $1 }
        let inside = origin.indices.map { min(grid.dataset[$0] - origin[$0], grid.chunk[$0]) }
        let copy = StridedCopy(slab, origin: origin, extents: grid.chunk, inside: inside, element: element)
        guard let copy else { continue }
        copy.copy(try unpack(chunk, layout, grid, decoder), to: &target)
      }
    }
  }

  /// All chunks by number. The index is read once for each dataset, however often parts of the dataset are read.
  func index(_ layout: ChunkedLayout, _ grid: ChunkGrid) throws(Flaw) -> [StoredChunk] {
    if let known = object.chunks.withLock({ $0 }) { return known }
    let isFiltered = !object.pipeline.filters.isEmpty
    let chunks = try ChunkIndex.chunks(layout, grid, isFiltered: isFiltered, BlockReader(image))
      .sorted { $0.number < $1.number }
    guard zip(chunks, chunks.dropFirst()).allSatisfy({ $0.number < $1.number }) else {
      throw .damage("a chunk is listed twice")
    }
    object.chunks.withLock { $0 = chunks }
    return chunks
  }

  private func fill(_ target: inout MutableSpan<UInt8>) {
    if let value = object.fillValue { Self.fill(&target, with: value, from: 0) }
  }

  /// `start` is the offset of the target in the dataset.
  private static func fill(_ target: inout MutableSpan<UInt8>, with value: [UInt8], from start: Int) {
    guard !value.isEmpty, !target.isEmpty else { return }
    // A pattern of many elements, which is copied.
    let repeats = min(target.count / value.count + 2, max(1, 65_536 / value.count))
    var pattern: [UInt8] = []
    for _ in 0..<repeats { pattern += value }
    var made = 0
    var skipped = start % value.count
    while made < target.count {
      let length = min(pattern.count - skipped, target.count - made)
      target.copy(length, of: pattern.span, from: skipped, to: made)
      made += length
      skipped = 0
    }
  }

  func unpack(
    _ chunk: StoredChunk, _ layout: ChunkedLayout, _ grid: ChunkGrid, _ decoder: FilterPipeline.Decoder
  ) throws(Flaw) -> ByteRegion {
    guard let position = image.position(of: chunk.address),
      let stored = image.bytes.part(from: position, count: chunk.size)
    else { throw .damage("a chunk is outside the file") }
    let isBare = layout.leavesEdgesUnfiltered && grid.isPartial(chunk.number)
    return try decoder.decoded(stored, mask: isBare ? .max : chunk.mask, size: layout.size)
  }
}
