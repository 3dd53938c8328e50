import AviaryArchives

/// Brings a dataset's bytes together: where they lie, or out of chunks, with fill values in between.
struct DatasetStorage {
  let object: DatasetObject
  let image: FileImage
  let budget: UnpackingBudget

  /// All elements as the file has them, in row-major order. Not copied where they lie one after another.
  func bytes() throws(Flaw) -> ByteRegion {
    let size = object.storedCount
    if size == 0 { return ByteRegion([UInt8]()) }
    if let position = object.position(image) {
      guard let region = image.bytes.part(from: position, count: size) else {
        throw .truncated(needed: size, available: max(0, image.bytes.count - position))
      }
      return region
    }
    guard case .chunked(let layout) = object.layout else {
      try check(size, stored: 0)
      return ByteRegion(zeroed: size) { fill(&$0) }
    }
    try object.pipeline.check()
    let grid = try ChunkGrid(object.dataspace, layout)
    let blocks = BlockReader(image)
    let isFiltered = !object.pipeline.filters.isEmpty
    let chunks = try ChunkIndex.chunks(layout, grid, isFiltered: isFiltered, blocks)
    let stored = chunks.reduce(0) { $0 + $1.size }
    try check(size, stored: stored)
    // Chunks are unpacked whole, however little of them lies within the dataset.
    guard let unpacked = chunks.count.times(layout.size) else { throw .overflow("the size of all chunks") }
    try check(unpacked, stored: stored)
    let isSparse = chunks.count < grid.count
    return try ByteRegion(zeroed: size) { (target) throws(Flaw) in
      if isSparse { fill(&target) }
      for chunk in chunks { try place(try unpack(chunk, layout, grid), chunk.number, grid, &target) }
    }
  }

  private func check(_ size: Int, stored: Int) throws(Flaw) {
    let justified = stored.times(HDF5Reader.ratioLimit) ?? .max
    let limit = min(HDF5Reader.sizeLimit, max(HDF5Reader.unstoredLimit, justified))
    guard size <= limit else { throw .tooLarge(bytes: size, limit: limit) }
    try budget.charge(size, for: object)
  }

  private func fill(_ target: inout MutableSpan<UInt8>) {
    guard let value = object.fillValue, !value.isEmpty else { return }
    var at = 0
    for index in 0..<target.count {
      target[index] = value[at]
      at = at + 1 == value.count ? 0 : at + 1
    }
  }

  private func unpack(_ chunk: StoredChunk, _ layout: ChunkedLayout, _ grid: ChunkGrid) throws(Flaw) -> ByteRegion {
    guard let position = image.position(of: chunk.address),
      let stored = image.bytes.part(from: position, count: chunk.size)
    else { throw .damage("a chunk lies outside the file") }
    let isBare = layout.leavesEdgesUnfiltered && grid.isPartial(chunk.number)
    return try object.pipeline.decoded(stored, mask: isBare ? .max : chunk.mask, size: layout.size)
  }

  /// Copies the part of a chunk that lies within the dataset, row by row.
  private func place(
    _ chunk: ByteRegion, _ number: Int, _ grid: ChunkGrid, _ target: inout MutableSpan<UInt8>
  ) throws(Flaw) {
    let element = object.datatype.size
    let origin = zip(grid.coordinates(number), grid.chunk).map { $0 * $1 }
    let inside = zip(zip(grid.dataset, origin), grid.chunk).map { min($0.0 - $0.1, $1) }
    guard let width = inside.last, inside.allSatisfy({ $0 > 0 }) else { return }
    // Bytes from one row to the next in each dimension, in the chunk and in the dataset.
    var chunkStrides = [Int](repeating: element, count: inside.count)
    var strides = chunkStrides
    for dimension in inside.indices.dropLast().reversed() {
      chunkStrides[dimension] = chunkStrides[dimension + 1] * grid.chunk[dimension + 1]
      strides[dimension] = strides[dimension + 1] * grid.dataset[dimension + 1]
    }
    var start = zip(origin, strides).reduce(0) { $0 + $1.0 * $1.1 }
    var source = 0
    var row = [Int](repeating: 0, count: inside.count)
    chunk.withUInt8s { bytes in
      while true {
        target.copy(width * element, of: bytes, from: source, to: start)
        var dimension = inside.count - 2
        while dimension >= 0 {
          row[dimension] += 1
          source += chunkStrides[dimension]
          start += strides[dimension]
          if row[dimension] < inside[dimension] { break }
          source -= chunkStrides[dimension] * inside[dimension]
          start -= strides[dimension] * inside[dimension]
          row[dimension] = 0
          dimension -= 1
        }
        if dimension < 0 { return }
      }
    }
  }
}
