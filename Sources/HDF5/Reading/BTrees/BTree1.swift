/// A version-1 B-tree (specification III.A.1): the symbol tables of an old group, or the chunks of a dataset.
enum BTree1 {
  enum NodeType: Int {
    case group = 0
    case chunks = 1
  }

  /// One child of a leaf: the key before it, and its address.
  struct Entry {
    var key: FieldReader
    let address: UInt64
  }

  /// The deepest tree; a deeper one would have more children than any file.
  private static let depthLimit = 32

  /// Calls `visit` for every child of a leaf, and `refuse` for every damaged node.
  static func visitAll(
    at root: UInt64, _ type: NodeType, keySize: Int, halfCount: Int, _ blocks: BlockReader,
    refuse: (Flaw) throws(Flaw) -> Void, _ visit: (inout Entry) throws(Flaw) -> Void
  ) throws(Flaw) {
    var visited: Set<UInt64> = []
    var pending: [(address: UInt64, level: Int?)] = [(root, nil)]
    while let (address, expected) = pending.popLast() {
      do throws(Flaw) {
        guard visited.insert(address).inserted else { throw .damage("a B-tree reaches a node twice") }
        let (level, entries) = try node(at: address, type, keySize, halfCount, expected, blocks)
        if level > 0 {
          pending += entries.reversed().map { ($0.address, level - 1) }
        } else {
          for var entry in entries { try visit(&entry) }
        }
      } catch {
        try refuse(error)
      }
    }
  }

  /// Searches for the last child of a leaf whose key precedes the target, which `precedes` decides; the first key of a
  /// node always does. `nil` for an empty tree.
  static func find(
    at root: UInt64, _ type: NodeType, keySize: Int, halfCount: Int, _ blocks: BlockReader,
    _ precedes: (inout FieldReader) throws(Flaw) -> Bool
  ) throws(Flaw) -> UInt64? {
    var address = root
    var expected: Int?
    // Levels go down by one, so this ends.
    while true {
      let (level, entries) = try node(at: address, type, keySize, halfCount, expected, blocks)
      guard !entries.isEmpty else { return nil }
      var (low, high) = (0, entries.count)
      while high - low > 1 {
        let middle = (low + high) / 2
        var key = entries[middle].key
        if try precedes(&key) { low = middle } else { high = middle }
      }
      address = entries[low].address
      if level == 0 { return address }
      expected = level - 1
    }
  }

  private static func node(
    at address: UInt64, _ type: NodeType, _ keySize: Int, _ halfCount: Int, _ expected: Int?, _ blocks: BlockReader
  ) throws(Flaw) -> (level: Int, entries: [Entry]) {
    let what = "a B-tree node"
    let offsets = blocks.image.sizeOfOffsets
    var head = try blocks.block(at: address, count: 8 + 2 * offsets, what)
    try head.signature("TREE")
    guard try head.byte() == type.rawValue else { throw .damage("a B-tree node is of the wrong type") }
    let level = try head.byte()
    let count = try head.uint16()
    guard level <= depthLimit, expected ?? level == level else { throw .damage("\(what) is of level \(level)") }
    guard count <= 2 * halfCount else { throw .damage("\(what) has \(count) children, more than \(2 * halfCount)") }
    let size = 8 + 2 * offsets + count * (keySize + offsets) + keySize
    var fields = try blocks.block(at: address, count: size, what)
    try fields.skip(8 + 2 * offsets)
    var entries: [Entry] = []
    for _ in 0..<count {
      let key = try fields.block(keySize)
      guard let child = try fields.address() else { throw .damage("\(what) has a child without address") }
      entries.append(Entry(key: key, address: child))
    }
    return (level, entries)
  }
}
