/// A chunk that was written.
struct StoredChunk {
  /// Its number in the `ChunkGrid`.
  let number: Int
  let address: UInt64
  /// Bytes in the file.
  let size: Int
  /// Bit i: filter i was not applied.
  let mask: UInt32
}
