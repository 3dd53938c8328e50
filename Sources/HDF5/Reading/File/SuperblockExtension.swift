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
    if let table = header.first(.sharedMessageTable) {
      image.sharedMessages = try SharedMessageTable(table.body, blocks)
    }
    return image
  }
}
