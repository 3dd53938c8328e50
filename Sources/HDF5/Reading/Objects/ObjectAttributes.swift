/// Collects the attributes of an object, from its header or from a fractal heap. Damaged ones are kept apart as flaws.
struct ObjectAttributes {
  /// The most attributes of an object. Each one is charged, so that few bytes of a file cannot stand for many of them.
  static let countLimit = 1_000_000

  private(set) var attributes: [HDF5Attribute] = []
  private(set) var flaws: [(part: String, flaw: Flaw)] = []
  private let blocks: BlockReader

  init(_ header: ObjectHeader, _ blocks: BlockReader) {
    self.blocks = blocks
    for message in header.messages where message.kind == .attribute {
      keep { (list) throws(Flaw) in try list.add(try SharedMessage.body(of: message, list.blocks)) }
    }
    if let info = header.first(.attributeInfo) {
      keep { (list) throws(Flaw) in try list.dense(info.body) }
    }
    attributes.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  private mutating func keep(_ body: (inout ObjectAttributes) throws(Flaw) -> Void) {
    do throws(Flaw) { try body(&self) } catch { flaws.append(("an attribute", error)) }
  }

  private mutating func add(_ body: FieldReader) throws(Flaw) {
    guard attributes.count + flaws.count < Self.countLimit else {
      throw .tooMany("attributes of one object", limit: Self.countLimit)
    }
    let message = try AttributeMessage(body)
    try blocks.charge(message.name.utf8.count + 64)
    do throws(Flaw) { attributes.append(try message.attribute(blocks)) } catch {
      flaws.append(("attribute '\(message.name)'", error))
    }
  }

  private mutating func dense(_ info: FieldReader) throws(Flaw) {
    var info = info
    try info.version(0)
    let flags = try info.byte()
    if flags & 1 != 0 { try info.skip(2) }
    guard let heapAddress = try info.address() else { return }
    guard let tree = try info.address() else { throw .damage("the heap of attributes has no index") }
    let heap = try FractalHeap(at: heapAddress, blocks)
    var list = self
    defer { self = list }
    try BTree2(at: tree, blocks).visitAll { (type, record) throws(Flaw) in
      guard type == 8 else { throw .damage("the index of attributes is of type \(type)") }
      let id = try record.take(8)
      let isShared = try record.byte() & 2 != 0
      guard list.attributes.count + list.flaws.count < Self.countLimit else {
        throw .tooMany("attributes of one object", limit: Self.countLimit)
      }
      list.keep { (list) throws(Flaw) in
        if isShared {
          guard let table = list.blocks.image.sharedMessages else {
            throw .damage("an attribute refers to a heap of shared messages, but the file has none")
          }
          try list.add(try table.body(of: id, .attribute, list.blocks))
        } else {
          try list.add(try heap.object(id, "an attribute", list.blocks))
        }
      }
    }
  }
}
