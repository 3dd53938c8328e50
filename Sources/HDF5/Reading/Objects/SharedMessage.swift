/// Finds the body of a message that is stored outside the header (specification IV.A.2, "shared message").
enum SharedMessage {
  /// The body of `message`, in the header or elsewhere.
  static func body(of message: HeaderMessage, _ blocks: BlockReader) throws(Flaw) -> FieldReader {
    guard message.isShared else { return message.body }
    var pointer = message.body
    switch try place(&pointer, blocks) {
    case .object(let address):
      let header = try ObjectHeader(at: address, blocks)
      guard let target = header.first(message.kind), !target.isShared else {
        throw .damage("a shared message is not where it should be")
      }
      return target.body
    case .heap(let id):
      guard let table = blocks.image.sharedMessages else {
        throw .damage("a message refers to a heap of shared messages, but the file has none")
      }
      return try table.body(of: id, message.kind, blocks)
    }
  }

  enum Place {
    case object(UInt64)
    case heap([UInt8])
  }

  static func place(_ pointer: inout FieldReader, _ blocks: BlockReader) throws(Flaw) -> Place {
    let version = try pointer.byte()
    let kind = try pointer.byte()
    switch (version, kind) {
    case (1, _):
      // Reserved bytes, and where a local heap has the name in a symbol table entry, which nothing needs.
      try pointer.skip(6 + pointer.sizeOfLengths)
    case (2, _): break
    case (3, 1): return .heap(try pointer.take(8))
    case (3, _): break
    default: throw .damage("a shared message has version \(version)")
    }
    guard let address = try pointer.address() else { throw .damage("a shared message has no address") }
    return .object(address)
  }
}
