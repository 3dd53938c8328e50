import AviaryArchives

/// Reads blocks of metadata from a file, in total no more than the size of the file justifies.
///
/// Structures of a hostile file may overlap and refer to one another any number of times. What is read in one pass over
/// the file, and what is made of it, is charged here, so that time and memory stay in proportion to the file.
final class BlockReader {
  let image: FileImage
  private var allowance: Int
  /// Datatypes with an object header of their own, by its address.
  var committedDatatypes: [UInt64: Datatype] = [:]
  /// Collections of the global heap, by address.
  var globalHeaps: [UInt64: GlobalHeap] = [:]

  /// Heaps of shared messages, by address.
  var sharedHeaps: [UInt64: FractalHeap] = [:]

  init(_ image: FileImage) {
    self.image = image
    // In sound files metadata are read twice at most.
    allowance = (image.bytes.count.times(8) ?? .max / 2) + 1 << 20
  }

  func charge(_ bytes: Int) throws(Flaw) {
    guard bytes <= allowance else {
      throw .damage("structures of the file share bytes, or refer to one another too often")
    }
    allowance -= bytes
  }

  /// The number of bytes in the file from `address` on.
  func available(at address: UInt64) -> Int {
    guard let position = image.position(of: address) else { return 0 }
    return max(0, image.bytes.count - position)
  }

  func block(at address: UInt64, count: Int, _ what: String) throws(Flaw) -> FieldReader {
    let (bytes, position) = try region(at: address, count: count, what)
    return FieldReader(
      bytes.array(), position: position, what: what, sizeOfOffsets: image.sizeOfOffsets,
      sizeOfLengths: image.sizeOfLengths)
  }

  /// The bytes of a block, not copied, and their offset in the file.
  func region(at address: UInt64, count: Int, _ what: String) throws(Flaw) -> (bytes: ByteRegion, position: Int) {
    guard let position = image.position(of: address), let bytes = image.bytes.part(from: position, count: count)
    else { throw .damage("\(what) at \(address) is not within the file") }
    // A block costs a little more than its bytes.
    try charge(count.plus(64) ?? .max)
    return (bytes, position)
  }
}
