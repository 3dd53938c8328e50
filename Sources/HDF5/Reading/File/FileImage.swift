import AviaryArchives

/// A file's bytes, and the settings of its superblock that apply to all structures.
struct FileImage: Sendable {
  let bytes: ByteRegion
  /// Offset in the file that addresses count from: the length of the user block.
  let baseAddress: Int
  let sizeOfOffsets: Int
  let sizeOfLengths: Int
  /// Half the entries that a symbol table node may have.
  var groupLeafK = 4
  /// Half the entries that a node of a group's version-1 B-tree may have.
  var groupInternalK = 16
  /// Half the entries that a node of a chunk index's version-1 B-tree may have.
  var indexedStorageK = 32
  /// Messages that objects share.
  var sharedMessages: SharedMessageTable?
  /// Whether the files are read that datasets are made of.
  var followsFiles = false
  /// Why information that no reader needs was passed over.
  var advisoryFlaw: Flaw?

  /// The offset in the file, or `nil` where the address is beyond its end.
  func position(of address: UInt64) -> Int? {
    guard let address = Int(exactly: address), let position = baseAddress.plus(address), position <= bytes.count
    else { return nil }
    return position
  }
}
