/// The links of an old group (specification III.B, III.C): a version-1 B-tree of nodes, with the names in a local heap.
struct SymbolTable {
  /// Address of the B-tree.
  let tree: UInt64
  let heap: LocalHeap

  init(_ message: FieldReader, _ blocks: BlockReader) throws(Flaw) {
    var message = message
    guard let tree = try message.address(), let heap = try message.address() else {
      throw .damage("the symbol table has no address")
    }
    self.tree = tree
    self.heap = try LocalHeap(at: heap, blocks)
  }

  /// The links of one node.
  func links(ofNodeAt address: UInt64, _ blocks: BlockReader) throws(Flaw) -> [Link] {
    let what = "a symbol table node"
    let image = blocks.image
    let entrySize = 2 * image.sizeOfOffsets + 24
    // Room for all entries that a node may have is written with it.
    let whole = 8 + 2 * image.groupLeafK * entrySize
    var fields = try blocks.block(at: address, count: min(whole, blocks.available(at: address)), what)
    try fields.signature("SNOD")
    try fields.version(1)
    try fields.skip(1)
    let count = try fields.uint16()
    guard count <= 2 * image.groupLeafK else {
      throw .damage("\(what) has \(count) entries, more than \(2 * image.groupLeafK)")
    }
    var links: [Link] = []
    for _ in 0..<count {
      let nameOffset = try fields.unsigned(image.sizeOfOffsets)
      let object = try fields.address()
      let cacheType = try fields.uint32()
      try fields.skip(4)
      var scratch = try fields.block(16)
      let name = try heap.text(at: nameOffset)
      if cacheType == 2 {
        links.append(Link(name: name, target: .soft(try heap.text(at: try scratch.unsigned(4)))))
      } else if let object {
        links.append(Link(name: name, target: .hard(object)))
      } else {
        throw .damage("the link '\(name)' has no address")
      }
      // A link takes room beyond its bytes, and one node or heap may be named by many groups.
      try blocks.charge(64)
    }
    return links
  }
}
