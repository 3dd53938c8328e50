import AviaryArchives

/// Collects the selected bytes of a dataset, which is contiguous or chunked; what was never written has fill values.
struct DatasetStorage {
  let object: DatasetObject
  let image: FileImage
  let budget: UnpackingBudget
  let libraries: FilterLibraries

  private var element: Int { object.datatype.size }

  /// The selected elements in the datatype of the file, in row-major order; not copied where they are contiguous in it.
  ///
  /// - Parameter copied: whether the caller copies them, so that zeros that were never written take memory too.
  func bytes(_ slab: Hyperslab, copied: Bool = false) throws(Flaw) -> ByteRegion {
    // At most `storedCount`, which is an `Int`.
    let size = slab.count * element
    if size == 0 { return ByteRegion([UInt8]()) }
    if let position = object.position(image) { return try contiguous(slab, size, at: position) }
    guard case .chunked(let layout) = object.layout else {
      try check(size, filled: copied || object.fillValue != nil ? size : 0, stored: 0)
      return ByteRegion(zeroed: size) { fill(&$0) }
    }
    return try chunked(slab, size, layout, copied: copied)
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
    return ByteRegion(zeroed: size) { copy.copy(region, to: &$0) }
  }

  private func chunked(
    _ slab: Hyperslab, _ size: Int, _ layout: ChunkedLayout, copied: Bool
  ) throws(Flaw) -> ByteRegion {
    let decoder = try FilterPipeline.Decoder(object.pipeline, libraries)
    let grid = try ChunkGrid(object.dataspace, layout)
    let selection = ChunkSelection(slab, grid)
    let chunks = selection.chunks(of: try index(layout, grid))
    // Chunks share no bytes, so this is at most the file's size.
    let stored = chunks.reduce(0) { $0 + $1.size }
    // Chunks are unpacked whole, even if little of them is selected.
    guard let unpacked = chunks.count.times(layout.size) else { throw .overflow("the size of all chunks") }
    let filled = copied || object.fillValue != nil ? size : touched(grid, chunks: chunks.count, unpacked)
    try check(size, filled: max(unpacked, min(size, filled)), stored: stored)
    return try ByteRegion(zeroed: size) { (target) throws(Flaw) in
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
  private func index(_ layout: ChunkedLayout, _ grid: ChunkGrid) throws(Flaw) -> [StoredChunk] {
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

  /// The bytes of a new region that take memory once `chunks` chunks are copied to it; `.max` where they may lie anywhere.
  private func touched(_ grid: ChunkGrid, chunks: Int, _ unpacked: Int) -> Int {
    if chunks == 0 { return 0 }
    // A chunk of whole rows is one run of bytes.
    guard zip(grid.chunk, grid.dataset).dropFirst().allSatisfy({ $0 >= $1 }) else { return .max }
    return chunks.times(2 * Self.pageSize).flatMap { $0.plus(unpacked) } ?? .max
  }

  /// That of the largest pages that systems give unasked.
  private static let pageSize = 2 << 20

  /// Refuses `size` bytes of which `filled` take memory, if the bytes that are stored do not justify them.
  private func check(_ size: Int, filled: Int, stored: Int) throws(Flaw) {
    guard size <= HDF5Reader.sizeLimit else { throw .tooLarge(bytes: size, limit: HDF5Reader.sizeLimit) }
    let filled = size < ByteRegion.reservedSize ? max(filled, size) : filled
    let justified = stored.times(HDF5Reader.ratioLimit) ?? .max
    let limit = min(HDF5Reader.sizeLimit, max(HDF5Reader.unstoredLimit, justified))
    guard filled <= limit else { throw .tooLarge(bytes: filled, limit: limit) }
    try budget.charge(filled, reserving: size, for: object)
  }

  private func fill(_ target: inout MutableSpan<UInt8>) {
    guard let value = object.fillValue, !value.isEmpty else { return }
    var at = 0
    for index in 0..<target.count {
      target[index] = value[at]
      at = at + 1 == value.count ? 0 : at + 1
    }
  }

  private func unpack(
    _ chunk: StoredChunk, _ layout: ChunkedLayout, _ grid: ChunkGrid, _ decoder: FilterPipeline.Decoder
  ) throws(Flaw) -> ByteRegion {
    guard let position = image.position(of: chunk.address),
      let stored = image.bytes.part(from: position, count: chunk.size)
    else { throw .damage("a chunk is outside the file") }
    let isBare = layout.leavesEdgesUnfiltered && grid.isPartial(chunk.number)
    return try decoder.decoded(stored, mask: isBare ? .max : chunk.mask, size: layout.size)
  }
}
