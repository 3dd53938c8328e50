/// A named link of a group.
struct Link {
  enum Target {
    /// The address of an object header.
    case hard(UInt64)
    case soft(String)
    case external(file: String, object: String)
    /// Of a kind that programs define themselves.
    case userDefined(Int)
  }

  let name: String
  let target: Target

  init(name: String, target: Target) {
    self.name = name
    self.target = target
  }

  /// A link message (specification IV.A.2.g).
  init(_ message: FieldReader) throws(Flaw) {
    var message = message
    try message.version(1)
    let flags = try message.byte()
    let kind = flags & 0x08 != 0 ? try message.byte() : 0
    if flags & 0x04 != 0 { try message.skip(8) }
    if flags & 0x10 != 0 { try message.skip(1) }
    let length = try message.number(1 << (flags & 3))
    guard length > 0 else { throw .damage("a link has no name") }
    name = try message.text(length)
    switch kind {
    case 0:
      guard let address = try message.address() else { throw .damage("the link '\(name)' has no address") }
      target = .hard(address)
    case 1: target = .soft(try message.text(try message.uint16()))
    case 64:
      var value = try message.block(try message.uint16())
      try value.skip(1)
      target = .external(file: try value.zeroTerminatedText(), object: try value.zeroTerminatedText())
    case 65...255: target = .userDefined(kind)
    default: throw .damage("the link '\(name)' is of kind \(kind)")
    }
  }
}
