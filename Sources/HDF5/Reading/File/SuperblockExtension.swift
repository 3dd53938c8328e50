extension Superblock {
  /// The image, with what the superblock's extension adds (specification II.C).
  func extendedImage() throws(Flaw) -> FileImage {
    guard let extensionAddress else { return image }
    var image = image
    let blocks = BlockReader(image)
    let header = try ObjectHeader(at: extensionAddress, blocks)
    if header.first(.driverInfo) != nil { throw .unsupported("a file in several parts (driver information message)") }
    if header.first(.cacheImage) != nil { throw .unsupported("a file with an image of the metadata cache") }
    if var values = header.first(.bTreeKValues)?.body {
      try values.version(0)
      image.indexedStorageK = try values.uint16()
      image.groupInternalK = try values.uint16()
      image.groupLeafK = try values.uint16()
    }
    if let info = header.first(.freeSpaceInfo), !Self.isSound(info.body) {
      image.advisoryFlaw = .unsupported("information on free space in this form")
    }
    if let table = header.first(.sharedMessageTable) {
      image.sharedMessages = try SharedMessageTable(table.body, blocks)
    }
    return image
  }

  /// Whether information on free space has all its fields (specification IV.A.2.x). Only writers need it: the file is read
  /// without, and says so.
  private static func isSound(_ info: FieldReader) -> Bool {
    var info = info
    do throws(Flaw) {
      let version = try info.byte()
      let strategy = try info.byte()
      if version == 0 {
        // Strategy 1 kept the addresses of six lists of free space.
        try info.skip(info.sizeOfLengths + (strategy == 1 ? 6 * info.sizeOfOffsets : 0))
        return true
      }
      let isPersistent = try info.byte() != 0
      try info.skip(2 * info.sizeOfLengths + 2 + info.sizeOfOffsets)
      if isPersistent { try info.skip(12 * info.sizeOfOffsets) }
      return true
    } catch {
      return false
    }
  }
}
