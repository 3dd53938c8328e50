/// Collects the links of a group in any of its forms (specification III.B, III.C, IV.A.2.c, g and r). Damaged parts
/// are kept apart as flaws, and the rest is read.
struct GroupLinks {
  private(set) var links: [Link] = []
  private(set) var flaws: [Flaw] = []
  private let blocks: BlockReader

  init(_ header: ObjectHeader, _ blocks: BlockReader) throws(Flaw) {
    self.blocks = blocks
    if let table = header.first(.symbolTable) { try keep { (group) throws(Flaw) in try group.symbolTable(table.body) } }
    for message in header.messages where message.kind == .link {
      try keep { (group) throws(Flaw) in
        try group.add(try Link(try SharedMessage.body(of: message, group.blocks)))
      }
    }
    if let info = header.first(.linkInfo) { try keep { (group) throws(Flaw) in try group.dense(info.body) } }
    links.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  private mutating func add(_ link: Link) throws(Flaw) {
    // A link takes room beyond its bytes, and one heap may be named by many groups.
    try blocks.charge(64)
    links.append(link)
  }

  private mutating func keep(_ body: (inout GroupLinks) throws(Flaw) -> Void) throws(Flaw) {
    do throws(Flaw) { try body(&self) } catch { try refuse(error) }
  }

  private mutating func refuse(_ flaw: Flaw) throws(Flaw) {
    guard flaws.count < 1000 else { throw flaw }
    try blocks.charge(256)
    flaws.append(flaw)
  }

  private mutating func symbolTable(_ message: FieldReader) throws(Flaw) {
    let table = try SymbolTable(message, blocks)
    var visited: Set<UInt64> = []
    let image = blocks.image
    // Both closures change the group, which only a local copy allows.
    var group = self
    defer { self = group }
    var failures: [Flaw] = []
    try BTree1.visitAll(
      at: table.tree, .group, keySize: image.sizeOfLengths, halfCount: image.groupInternalK, blocks,
      refuse: { (flaw) throws(Flaw) in
        guard failures.count < 1000 else { throw flaw }
        failures.append(flaw)
      },
      { (entry) throws(Flaw) in
        guard visited.insert(entry.address).inserted else { throw .damage("a symbol table node is named twice") }
        group.links += try table.links(ofNodeAt: entry.address, group.blocks)
      })
    for flaw in failures { try group.refuse(flaw) }
  }

  private mutating func dense(_ info: FieldReader) throws(Flaw) {
    guard let (heap, tree) = try DenseLinks.parts(info, blocks) else { return }
    var group = self
    defer { self = group }
    try tree.visitAll { (type, record) throws(Flaw) in
      let blocks = group.blocks
      let fields = record
      try group.keep { (group) throws(Flaw) in
        var record = fields
        try group.add(try DenseLinks.link(type, &record, heap, blocks))
      }
    }
  }
}
