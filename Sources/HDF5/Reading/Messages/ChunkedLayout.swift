/// Chunked storage: all chunks have the same extents, and an index has their addresses.
struct ChunkedLayout: Sendable {
  /// The kind and the address of the index.
  enum Index: Sendable {
    /// Version-1 B-tree, the only index before layout version 4.
    case bTree1(UInt64)
    /// The dataset is one chunk; `filtered` gives its stored size and filter mask.
    case single(UInt64, filtered: (size: Int, mask: UInt32)?)
    /// All chunks in sequence, unfiltered.
    case implicit(UInt64)
    case fixedArray(UInt64)
    case extensibleArray(UInt64)
    case bTree2(UInt64)
  }

  /// Elements of a chunk in each dimension.
  let extents: [Int]
  let elementSize: Int
  /// `nil` where no chunk was ever written.
  let index: Index?
  /// Whether chunks that extend beyond the dataset are stored unfiltered.
  let leavesEdgesUnfiltered: Bool

  /// Bytes of a chunk before filters.
  let size: Int

  /// `dimensions` end with the size of an element.
  init(_ dimensions: [Int], _ index: Index?, leavesEdgesUnfiltered: Bool = false) throws(Flaw) {
    guard (2...Dataspace.rankLimit + 1).contains(dimensions.count), let elementSize = dimensions.last else {
      throw .damage("chunks have \(dimensions.count - 1) dimensions")
    }
    var size = 1
    for extent in dimensions {
      guard extent > 0, let product = size.times(extent) else { throw .damage("chunks have impossible extents") }
      size = product
    }
    // A chunk's stored size has 32 bits.
    guard size <= Int(UInt32.max) else { throw .damage("chunks have \(size) bytes") }
    extents = Array(dimensions.dropLast())
    self.elementSize = elementSize
    self.index = index
    self.leavesEdgesUnfiltered = leavesEdgesUnfiltered
    self.size = size
  }

  /// Version 4 of the message, from its flags on.
  init(_ message: inout FieldReader) throws(Flaw) {
    let flags = try message.byte()
    let rank = try message.byte()
    let width = try message.byte()
    guard (1...8).contains(width) else { throw .damage("chunk extents have \(width) bytes") }
    var dimensions: [Int] = []
    for _ in 0..<rank { dimensions.append(try message.number(width)) }
    let kind = try message.byte()
    var filtered: (size: Int, mask: UInt32)?
    switch kind {
    case 1: if flags & 2 != 0 { filtered = (try message.length(), UInt32(try message.unsigned(4))) }
    case 2: break
    case 3: try message.skip(1)
    case 4: try message.skip(5)
    case 5: try message.skip(6)
    default: throw .damage("a chunk index is of kind \(kind)")
    }
    let index: Index? =
      switch (kind, try message.address()) {
      case (_, nil): nil
      case (1, let address?): .single(address, filtered: filtered)
      case (2, let address?): .implicit(address)
      case (3, let address?): .fixedArray(address)
      case (4, let address?): .extensibleArray(address)
      case (_, let address?): .bTree2(address)
      }
    try self.init(dimensions, index, leavesEdgesUnfiltered: flags & 1 != 0)
  }
}
