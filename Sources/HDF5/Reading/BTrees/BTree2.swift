/// A version-2 B-tree (specification III.A.2): records of one size in nodes of one size.
struct BTree2 {
  /// Which kind of record: 5 link names, 8 attribute names, 10 and 11 chunks …
  let type: Int
  let recordSize: Int
  private let blocks: BlockReader
  private let nodeSize: Int
  private let depth: Int
  private let root: UInt64?
  private let rootRecords: Int
  private let totalRecords: Int

  /// A tree of this depth would have more records than any file.
  private static let depthLimit = 32

  init(at address: UInt64, _ blocks: BlockReader) throws(Flaw) {
    let size = 22 + blocks.image.sizeOfOffsets + blocks.image.sizeOfLengths
    var head = try blocks.block(at: address, count: size, "a B-tree")
    try head.signature("BTHD")
    try head.version(0)
    type = try head.byte()
    nodeSize = try head.uint32()
    recordSize = try head.uint16()
    depth = try head.uint16()
    try head.skip(2)
    root = try head.address()
    rootRecords = try head.uint16()
    totalRecords = try head.length()
    try head.checksum(from: 0)
    guard recordSize > 0, depth <= Self.depthLimit, nodeSize >= 10 + recordSize else {
      throw .damage("a B-tree has impossible nodes")
    }
    self.blocks = blocks
  }

  private struct Level {
    /// Bytes of a pointer to a node of the level below.
    let pointerSize: Int
    let largestCount: Int
    /// Records of a node of this level and all below.
    let cumulated: Int
  }

  /// What nodes of each depth hold, from the leaves up.
  private func levels() throws(Flaw) -> (levels: [Level], countSize: Int) {
    let leaf = (nodeSize - 10) / recordSize
    let countSize = leaf.encodedSize
    var levels = [Level(pointerSize: 0, largestCount: leaf, cumulated: leaf)]
    for level in stride(from: 1, through: depth, by: 1) {
      let below = levels[level - 1]
      let pointer = blocks.image.sizeOfOffsets + countSize + (level > 1 ? below.cumulated.encodedSize : 0)
      let count = (nodeSize - 10 - pointer) / (recordSize + pointer)
      guard count > 0, let cumulated = below.cumulated.times(count + 1)?.plus(count) else {
        throw .damage("a B-tree has impossible nodes")
      }
      levels.append(Level(pointerSize: pointer, largestCount: count, cumulated: cumulated))
    }
    return (levels, countSize)
  }

  /// Calls `visit` with the type and the fields of every record, in no particular order.
  func visitAll(_ visit: (Int, inout FieldReader) throws(Flaw) -> Void) throws(Flaw) {
    try self.visit(where: nil, visit)
  }

  /// The same for the records that match: those for which `order` returns zero. It returns less than zero for records
  /// before the match and more than zero for records after it. Nodes that cannot hold a match are not read. Without `order`
  /// all records match.
  func visit(
    where order: ((inout FieldReader) throws(Flaw) -> Int)?,
    _ visit: (Int, inout FieldReader) throws(Flaw) -> Void
  ) throws(Flaw) {
    guard let root, totalRecords > 0 else { return }
    let (levels, countSize) = try levels()
    var visited: Set<UInt64> = []
    var pending = [(address: root, count: rootRecords, level: depth)]
    var left = totalRecords
    while let (address, count, level) = pending.popLast() {
      guard visited.insert(address).inserted else { throw .damage("a B-tree reaches a node twice") }
      let pointerSize = levels[level].pointerSize
      guard count <= levels[level].largestCount, count <= left else {
        throw .damage("a node of a B-tree holds \(count) records")
      }
      left -= count
      let pointers = level > 0 ? (count + 1) * pointerSize : 0
      let size = 10 + count * recordSize + pointers
      var node = try blocks.block(at: address, count: size, "a B-tree node")
      try node.signature(level > 0 ? "BTIN" : "BTLF")
      try node.version(0)
      guard try node.byte() == type else { throw .damage("a B-tree has nodes of two types") }
      var list = try node.block(count * recordSize)
      var records: [(fields: FieldReader, order: Int)] = []
      for _ in 0..<count {
        let record = try list.block(recordSize, what: "a record of a B-tree")
        var fields = record
        records.append((record, try order?(&fields) ?? 0))
      }
      if level > 0 {
        for index in 0...count {
          guard let child = try node.address() else { throw .damage("a B-tree node has no child") }
          let size = try node.number(countSize)
          try node.skip(pointerSize - node.sizeOfOffsets - countSize)
          // The child is between two records: skip it where the match is before the first or after the second.
          if index > 0, records[index - 1].order > 0 { continue }
          if index < count, records[index].order < 0 { continue }
          pending.append((child, size, level - 1))
        }
      }
      try node.checksum(from: 0)
      for record in records where record.order == 0 {
        var fields = record.fields
        try visit(type, &fields)
      }
    }
    guard left == 0 || order != nil else { throw .damage("a B-tree holds fewer records than it says") }
  }
}
