import AviaryArchives

/// The superblock (specification II.A), versions 0 to 3.
struct Superblock {
  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

  let image: FileImage
  /// Address of the root group's object header.
  let rootAddress: UInt64
  /// Address of the object header that extends a superblock of version 2.
  let extensionAddress: UInt64?

  /// The offset of the signature: 0, 512, 1024, 2048 …
  static func position(in bytes: ByteRegion) -> Int? {
    var offset = 0
    while let head = bytes.part(from: offset, count: 8) {
      if head.array() == signature { return offset }
      offset = offset == 0 ? 512 : offset * 2
      // User blocks are no longer than this.
      if offset > 1 << 20 { return nil }
    }
    return nil
  }

  init(_ bytes: ByteRegion, at start: Int) throws(Flaw) {
    let rest = bytes.part(from: start, count: min(256, bytes.count - start)) ?? bytes
    let whole = rest.array()
    func fields(_ offsets: Int, _ lengths: Int) -> FieldReader {
      FieldReader(
        whole, position: start, what: "the superblock", sizeOfOffsets: offsets, sizeOfLengths: lengths)
    }
    var head = fields(8, 8)
    try head.skip(8)
    let version = try head.byte()
    switch version {
    case 0, 1: try head.skip(4)
    case 2, 3: break
    default: throw .unsupported("a superblock of version \(version)")
    }
    let offsets = try head.byte()
    let lengths = try head.byte()
    for size in [offsets, lengths] where ![2, 4, 8].contains(size) {
      if [16, 32].contains(size) { throw .unsupported("addresses or lengths of \(size) bytes") }
      throw .damage("the superblock declares addresses or lengths of \(size) bytes")
    }
    var rest2 = fields(offsets, lengths)
    try rest2.skip(head.offset)
    if version < 2 {
      self = try Self.old(&rest2, version, bytes, start)
    } else {
      self = try Self.new(&rest2, bytes, start)
    }
  }

  private init(image: FileImage, rootAddress: UInt64, extensionAddress: UInt64?) {
    self.image = image
    self.rootAddress = rootAddress
    self.extensionAddress = extensionAddress
  }

  private static func old(
    _ fields: inout FieldReader, _ version: Int, _ bytes: ByteRegion, _ start: Int
  ) throws(Flaw) -> Superblock {
    try fields.skip(1)
    let leafK = try fields.uint16()
    let internalK = try fields.uint16()
    try fields.skip(4)
    var storageK = 32
    if version == 1 {
      storageK = try fields.uint16()
      try fields.skip(2)
    }
    guard leafK > 0, internalK > 0, storageK > 0 else { throw .damage("the superblock declares empty B-trees") }
    let base = try fields.address()
    _ = try fields.address()
    let end = try fields.address()
    let driver = try fields.address()
    // The root group's symbol table entry: the offset of its name, then its object header.
    _ = try fields.unsigned(fields.sizeOfOffsets)
    let root = try fields.address()
    if driver != nil { throw .unsupported("a file in several parts (driver information block)") }
    var image = try Self.image(fields, base, end, bytes, start)
    image.groupLeafK = leafK
    image.groupInternalK = internalK
    image.indexedStorageK = storageK
    guard let root else { throw .damage("the superblock names no root group") }
    return Superblock(image: image, rootAddress: root, extensionAddress: nil)
  }

  private static func new(_ fields: inout FieldReader, _ bytes: ByteRegion, _ start: Int) throws(Flaw) -> Superblock {
    try fields.skip(1)
    let base = try fields.address()
    let extensionAddress = try fields.address()
    let end = try fields.address()
    let root = try fields.address()
    try fields.checksum(from: 0)
    guard let root else { throw .damage("the superblock names no root group") }
    return Superblock(
      image: try Self.image(fields, base, end, bytes, start), rootAddress: root, extensionAddress: extensionAddress)
  }

  /// The end of file address is absolute. Where a user block was added or removed after the file was written, the
  /// superblock's own place is the base address, and the end moves with it.
  private static func image(
    _ fields: FieldReader, _ base: UInt64?, _ end: UInt64?, _ bytes: ByteRegion, _ start: Int
  ) throws(Flaw) -> FileImage {
    guard let base = base.flatMap({ Int(exactly: $0) }), let end = end.flatMap({ Int(exactly: $0) }) else {
      throw .damage("the superblock has no base address or no end of file")
    }
    guard let last = end.plus(start - base), last >= start else {
      throw .damage("the superblock gives an end of file before its start")
    }
    guard last <= bytes.count else { throw .truncated(needed: last, available: bytes.count) }
    return FileImage(
      bytes: bytes, baseAddress: start, sizeOfOffsets: fields.sizeOfOffsets, sizeOfLengths: fields.sizeOfLengths)
  }
}
