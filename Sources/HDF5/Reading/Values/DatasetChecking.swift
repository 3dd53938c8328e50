import AviaryArchives

/// What a dataset costs to read, and whether it can be read, without its bytes.
extension DatasetStorage {
  /// Throws where a filter cannot be undone here, a part of a virtual dataset is absent, or the size is beyond the limit.
  func requireReadable() throws(Flaw) {
    try requireDecodable()
    if object.isPlain, object.position(image) != nil { return }
    try Self.check(max(object.storedCount, object.byteCount ?? 0))
  }

  /// The same of any size, of which a part may be read.
  func requireDecodable() throws(Flaw) {
    if object.storedCount == 0 { return }
    if case .chunked = object.layout { _ = try FilterPipeline.Decoder(object.pipeline, libraries) }
    try virtual?.requireReadable()
  }

  /// Reads all bytes and keeps none: contiguous ones in pieces, chunks one at a time.
  func check() throws(Flaw) {
    try requireReadable()
    if object.storedCount == 0 { return }
    if let virtual { return try virtual.check() }
    guard case .chunked(let layout) = object.layout else {
      guard let position = object.position(image) else { return }
      // A file that is read in pieces records what it could not read.
      image.bytes.part(from: position, count: object.storedCount)?.forEachPiece { _ in }
      return
    }
    let decoder = try FilterPipeline.Decoder(object.pipeline, libraries)
    let grid = try ChunkGrid(object.dataspace, layout)
    for chunk in try index(layout, grid) { _ = try unpack(chunk, layout, grid, decoder) }
  }

  /// Bytes that the whole dataset takes in memory once it is read and copied, beyond those of the file, and how many bytes
  /// its chunks are stored in. Zeros that were never written take none.
  func cost() throws(Flaw) -> (memory: Int, unpacked: Int, stored: Int) {
    if object.storedCount == 0 || object.isPlain && object.position(image) != nil { return (0, 0, 0) }
    let converted = object.isPlain ? 0 : object.byteCount ?? 0
    if let virtual {
      let sources = try virtual.cost()
      let memory = object.storedCount.plus(converted) ?? .max
      return (memory, sources.unpacked.plus(object.storedCount) ?? .max, sources.stored)
    }
    guard case .chunked(let layout) = object.layout else { return (converted, 0, object.storedCount) }
    let grid = try ChunkGrid(object.dataspace, layout)
    let chunks = try index(layout, grid)
    // Chunks share no bytes, so this is at most the file's size.
    let stored = chunks.reduce(0) { $0 + $1.size }
    guard let unpacked = chunks.count.times(layout.size) else { throw .overflow("the size of all chunks") }
    let filled = chunks.isEmpty ? 0 : object.fillValue == nil ? touched(grid, chunks: chunks.count, unpacked) : .max
    let assembled = max(min(unpacked, object.storedCount), min(object.storedCount, filled))
    return (assembled.plus(converted) ?? .max, unpacked, stored)
  }

  /// The bytes of a new region that take memory once `chunks` chunks are copied to it; `.max` where they may lie anywhere.
  private func touched(_ grid: ChunkGrid, chunks: Int, _ unpacked: Int) -> Int {
    // A chunk of whole rows is one run of bytes.
    guard zip(grid.chunk, grid.dataset).dropFirst().allSatisfy({ $0 >= $1 }) else { return .max }
    return chunks.times(2 * Self.pageSize).flatMap { $0.plus(unpacked) } ?? .max
  }

  /// That of the largest pages that systems give unasked.
  private static let pageSize = 2 << 20
}
