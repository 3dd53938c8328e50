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
    if let info = header.first(.freeSpaceInfo) { try Self.check(info.body) }
    if let table = header.first(.sharedMessageTable) {
      image.sharedMessages = try SharedMessageTable(table.body, blocks)
    }
    return image
  }

  /// A reader does not need file space information (specification IV.A.2.x), but it reveals a damaged file.
  private static func check(_ info: FieldReader) throws(Flaw) {
    var info = info
    let version = try info.byte()
    let strategy = try info.byte()
    if version == 0 {
      // Strategy 1 kept the addresses of six lists of free space.
      return try info.skip(info.sizeOfLengths + (strategy == 1 ? 6 * info.sizeOfOffsets : 0))
    }
    let isPersistent = try info.byte() != 0
    try info.skip(2 * info.sizeOfLengths + 2 + info.sizeOfOffsets)
    if isPersistent { try info.skip(12 * info.sizeOfOffsets) }
  }
}
