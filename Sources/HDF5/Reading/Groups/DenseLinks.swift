/// The links of a large new group: messages in a fractal heap, indexed by a version-2 B-tree (specification IV.A.2.c).
enum DenseLinks {
  /// Heap and index; `nil` where the group keeps its links in its header.
  static func parts(_ info: FieldReader, _ blocks: BlockReader) throws(Flaw) -> (heap: FractalHeap, tree: BTree2)? {
    var info = info
    try info.version(0)
    let flags = try info.byte()
    if flags & 1 != 0 { try info.skip(8) }
    guard let heap = try info.address() else { return nil }
    guard let tree = try info.address() else { throw .damage("a group's heap has no index") }
    return (try FractalHeap(at: heap, blocks), try BTree2(at: tree, blocks))
  }

  /// The link of a record of the index.
  static func link(
    _ type: Int, _ record: inout FieldReader, _ heap: FractalHeap, _ blocks: BlockReader
  ) throws(Flaw) -> Link {
    guard type == 5 else { throw .damage("a group's index is of type \(type)") }
    // The hash of the name.
    try record.skip(4)
    return try Link(try heap.object(try record.take(record.remaining), "a link", blocks))
  }
}
