/// Finds one link of a group by the group's own index; `GroupLinks` lists them all.
struct GroupIndex {
  private let header: ObjectHeader
  private let blocks: BlockReader

  init(_ header: ObjectHeader, _ blocks: BlockReader) {
    self.header = header
    self.blocks = blocks
  }

  /// The link called `name`, byte for byte.
  func link(_ name: String) throws(Flaw) -> Link? {
    let name = Array(name.utf8)
    if let table = header.first(.symbolTable) { return try inSymbolTable(name, table.body) }
    var flaw: Flaw?
    for message in header.messages where message.kind == .link {
      do throws(Flaw) {
        let link = try Link(try SharedMessage.body(of: message, blocks))
        if link.name.utf8.elementsEqual(name) { return link }
      } catch {
        flaw = flaw ?? error
      }
    }
    if let info = header.first(.linkInfo), let link = try inHeap(name, info.body) { return link }
    // A damaged link may have been the one.
    if let flaw { throw flaw }
    return nil
  }

  /// A version-1 B-tree by names. The key before a child is less than every name in it.
  private func inSymbolTable(_ name: [UInt8], _ message: FieldReader) throws(Flaw) -> Link? {
    let table = try SymbolTable(message, blocks)
    let node = try BTree1.find(
      at: table.tree, .group, keySize: blocks.image.sizeOfLengths, halfCount: blocks.image.groupInternalK, blocks
    ) { (key) throws(Flaw) in
      let known = try table.heap.bytes(at: try key.unsigned(blocks.image.sizeOfLengths))
      return known.lexicographicallyPrecedes(name)
    }
    guard let node else { return nil }
    return try table.links(ofNodeAt: node, blocks).first { $0.name.utf8.elementsEqual(name) }
  }

  /// A version-2 B-tree by the hashes of names.
  private func inHeap(_ name: [UInt8], _ info: FieldReader) throws(Flaw) -> Link? {
    guard let (heap, tree) = try DenseLinks.parts(info, blocks) else { return nil }
    let hash = Int(Lookup3.hash(name[...]))
    var found: Link?
    try tree.visit(
      where: { (record) throws(Flaw) in try record.uint32() - hash },
      { (type, record) throws(Flaw) in
        guard found == nil else { return }
        let link = try DenseLinks.link(type, &record, heap, blocks)
        if link.name.utf8.elementsEqual(name) { found = link }
      })
    return found
  }
}
