/// Collects the links of a group in any of its forms (specification III.B, III.C, IV.A.2.c, g and r). Damaged parts
/// are put aside as flaws, and the rest is read.
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
    // A link takes room beyond its bytes, and one node or heap may be named by many groups.
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

  /// A version-1 B-tree of symbol table nodes, with the names in a local heap.
  private mutating func symbolTable(_ message: FieldReader) throws(Flaw) {
    var message = message
    guard let tree = try message.address(), let heapAddress = try message.address() else {
      throw .damage("the symbol table has no address")
    }
    let heap = try LocalHeap(at: heapAddress, blocks)
    var visited: Set<UInt64> = []
    let image = blocks.image
    // Both closures change the group, so it is handed from one to the other by a copy.
    var group = self
    defer { self = group }
    var failures: [Flaw] = []
    try BTree1.visitAll(
      at: tree, .group, keySize: image.sizeOfLengths, halfCount: image.groupInternalK, blocks,
      refuse: { (flaw) throws(Flaw) in
        guard failures.count < 1000 else { throw flaw }
        failures.append(flaw)
      },
      { (entry) throws(Flaw) in
        guard visited.insert(entry.address).inserted else { throw .damage("a symbol table node is named twice") }
        try group.symbolTableNode(at: entry.address, heap)
      })
    for flaw in failures { try group.refuse(flaw) }
  }

  private mutating func symbolTableNode(at address: UInt64, _ heap: LocalHeap) throws(Flaw) {
    let what = "a symbol table node"
    let image = blocks.image
    let entrySize = 2 * image.sizeOfOffsets + 24
    var head = try blocks.block(at: address, count: 8, what)
    try head.signature("SNOD")
    try head.version(1)
    try head.skip(1)
    let count = try head.uint16()
    guard count <= 2 * image.groupLeafK else {
      throw .damage("\(what) has \(count) entries, more than \(2 * image.groupLeafK)")
    }
    var fields = try blocks.block(at: address, count: 8 + count * entrySize, what)
    try fields.skip(8)
    for _ in 0..<count {
      let nameOffset = try fields.unsigned(image.sizeOfOffsets)
      let object = try fields.address()
      let cacheType = try fields.uint32()
      try fields.skip(4)
      var scratch = try fields.block(16)
      let name = try heap.text(at: nameOffset)
      if cacheType == 2 {
        try add(Link(name: name, target: .soft(try heap.text(at: try scratch.unsigned(4)))))
      } else if let object {
        try add(Link(name: name, target: .hard(object)))
      } else {
        throw .damage("the link '\(name)' has no address")
      }
    }
  }

  /// Links in a fractal heap, indexed by a version-2 B-tree.
  private mutating func dense(_ info: FieldReader) throws(Flaw) {
    var info = info
    try info.version(0)
    let flags = try info.byte()
    if flags & 1 != 0 { try info.skip(8) }
    guard let heapAddress = try info.address() else { return }
    guard let tree = try info.address() else { throw .damage("a group's heap has no index") }
    let heap = try FractalHeap(at: heapAddress, blocks)
    var group = self
    defer { self = group }
    try BTree2(at: tree, blocks).visitAll { (type, record) throws(Flaw) in
      guard type == 5 else { throw .damage("a group's index is of type \(type)") }
      try record.skip(4)
      let id = try record.take(record.remaining)
      try group.keep { (group) throws(Flaw) in try group.add(try Link(try heap.object(id, "a link", group.blocks))) }
    }
  }
}
