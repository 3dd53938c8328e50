/// Where a dataset's bytes are stored: the data layout message (specification IV.A.2.i), versions 1 to 5. Version 5 only
/// differs from 4 in the width of stored chunk sizes, which the chunk indices give themselves.
enum DataLayout: Sendable {
  /// In the message itself, at an offset in the file.
  case compact(position: Int, size: Int)
  /// In sequence; without an address they were never written. Versions 1 and 2 do not give the size.
  case contiguous(address: UInt64?, size: Int?)
  case chunked(ChunkedLayout)
  /// Made of parts of other datasets. Without files to follow, the parts are not read.
  case virtual([VirtualMapping])

  init(_ message: FieldReader, _ blocks: BlockReader) throws(Flaw) {
    var message = message
    let version = try message.byte()
    switch version {
    case 1, 2: self = try Self.old(&message)
    case 3, 4, 5: self = try Self.new(&message, version, blocks)
    default: throw .damage("a data layout has version \(version)")
    }
  }

  private static func old(_ message: inout FieldReader) throws(Flaw) -> DataLayout {
    let rank = try message.byte()
    guard (1...Dataspace.rankLimit + 1).contains(rank) else { throw .damage("a data layout has \(rank) dimensions") }
    let kind = try message.byte()
    try message.skip(5)
    let address = kind == 0 ? nil : try message.address()
    var dimensions: [Int] = []
    for _ in 0..<rank { dimensions.append(try message.uint32()) }
    switch kind {
    case 0: return try compact(&message, try message.uint32())
    case 1: return .contiguous(address: address, size: nil)
    case 2: return .chunked(try ChunkedLayout(dimensions, address.map { .bTree1($0) }))
    default: throw .damage("a data layout is of class \(kind)")
    }
  }

  private static func new(
    _ message: inout FieldReader, _ version: Int, _ blocks: BlockReader
  ) throws(Flaw) -> DataLayout {
    let kind = try message.byte()
    switch kind {
    case 0: return try compact(&message, try message.uint16())
    case 1:
      let address = try message.address()
      return .contiguous(address: address, size: try message.length())
    case 2 where version == 3:
      let rank = try message.byte()
      let address = try message.address()
      var dimensions: [Int] = []
      for _ in 0..<rank { dimensions.append(try message.uint32()) }
      return .chunked(try ChunkedLayout(dimensions, address.map { .bTree1($0) }))
    case 2: return .chunked(try ChunkedLayout(&message))
    case 3: return .virtual(blocks.image.followsFiles ? try virtual(&message, blocks) : [])
    default: throw .damage("a data layout is of class \(kind)")
    }
  }

  private static func compact(_ message: inout FieldReader, _ size: Int) throws(Flaw) -> DataLayout {
    let position = message.position + message.offset
    try message.skip(size)
    return .compact(position: position, size: size)
  }

  private static func virtual(_ message: inout FieldReader, _ blocks: BlockReader) throws(Flaw) -> [VirtualMapping] {
    guard let heap = try message.address() else { return [] }
    return try VirtualMapping.mappings(of: try GlobalHeap.object(try message.uint32(), at: heap, blocks))
  }
}
