/// The messages of an object (specification IV.A.1), versions 1 and 2, with their continuations.
struct ObjectHeader {
  /// Libraries write 272 bytes for a dataset of numbers, and less for a group: one block instead of two.
  private static let usualSize = 288

  private(set) var messages: [HeaderMessage] = []

  /// The first message of a kind.
  func first(_ kind: HeaderMessage.Kind) -> HeaderMessage? {
    messages.indices.first { messages[$0].kind == kind }.map { messages[$0] }
  }

  init(at address: UInt64, _ blocks: BlockReader) throws(Flaw) {
    let what = "the object header"
    var head = try blocks.block(at: address, count: min(Self.usualSize, blocks.available(at: address)), what)
    // Continuations that refer to one another would never end.
    var visited: Set<UInt64> = []
    var pending: [(address: UInt64, length: Int)] = []
    let isNew = head.bytes.starts(with: "OHDR".utf8)
    var hasCreationOrder = false
    if isNew {
      (hasCreationOrder, pending) = try first(head, at: address, blocks)
    } else {
      try head.version(1)
      try head.skip(1)
      let count = try head.uint16()
      try head.skip(4)
      let length = try head.uint32()
      try head.skip(4)
      let body =
        length <= head.remaining
        ? try head.block(length) : try blocks.block(at: address + 16, count: length, what)
      pending = try oldMessages(body, most: count)
    }
    while let (next, length) = pending.popLast() {
      guard next != address, visited.insert(next).inserted else { throw .damage("the object header continues itself") }
      let what = "a continuation of the object header"
      var body = try blocks.block(at: next, count: length, what)
      if isNew {
        try body.signature("OCHK")
        pending += try newMessages(&body, hasCreationOrder)
      } else {
        pending += try oldMessages(body)
      }
    }
  }

  private mutating func first(
    _ start: FieldReader, at address: UInt64, _ blocks: BlockReader
  ) throws(Flaw) -> (Bool, [(address: UInt64, length: Int)]) {
    var start = start
    var head = start
    try head.signature("OHDR")
    try head.version(2)
    let flags = try head.byte()
    if flags & 0x20 != 0 { try head.skip(16) }
    if flags & 0x10 != 0 { try head.skip(4) }
    let length = try head.number(1 << (flags & 3))
    guard let count = length.plus(head.offset + 4) else { throw .overflow(start.what) }
    var whole =
      count <= start.remaining ? try start.block(count) : try blocks.block(at: address, count: count, start.what)
    try whole.skip(head.offset)
    let hasCreationOrder = flags & 0x04 != 0
    return (hasCreationOrder, try newMessages(&whole, hasCreationOrder))
  }

  /// Adds the messages of a block and returns the continuations that it refers to.
  private mutating func oldMessages(
    _ block: FieldReader, most: Int = .max
  ) throws(Flaw) -> [(address: UInt64, length: Int)] {
    var block = block
    var count = 0
    var wasEmpty = false
    var continuations: [(address: UInt64, length: Int)] = []
    while block.remaining >= 8 {
      let kind = try block.uint16()
      let size = try block.uint16()
      guard size % 8 == 0 else { throw .damage("a message of an object header is not aligned") }
      let flags = try block.byte()
      try block.skip(3)
      // Libraries count empty messages that follow one another as one.
      if kind != 0 || !wasEmpty { count += 1 }
      wasEmpty = kind == 0
      guard count <= most else { throw .damage("\(block.what) has more messages than it says") }
      guard kind != HeaderMessage.referenceCount else {
        throw .damage("an object header of version 1 has a message of version 2")
      }
      try add(kind, flags, try block.block(size), &continuations)
    }
    guard block.remaining == 0 else { throw .damage("\(block.what) has a gap") }
    return continuations
  }

  /// The same for version 2: a checksum ends the block, and a gap too small for a message may precede it.
  private mutating func newMessages(
    _ block: inout FieldReader, _ hasCreationOrder: Bool
  ) throws(Flaw) -> [(address: UInt64, length: Int)] {
    let start = block.offset
    var sum = block
    guard block.remaining >= 4 else { throw .damage("\(block.what) is cut short") }
    try sum.skip(sum.remaining - 4)
    try sum.checksum(from: 0)
    var messages = try block.block(block.end - 4 - start)
    var continuations: [(address: UInt64, length: Int)] = []
    let headSize = hasCreationOrder ? 6 : 4
    while messages.remaining >= headSize {
      let kind = try messages.byte()
      let size = try messages.uint16()
      let flags = try messages.byte()
      if hasCreationOrder { try messages.skip(2) }
      try add(kind, flags, try messages.block(size), &continuations)
    }
    return continuations
  }

  private mutating func add(
    _ kind: Int, _ flags: Int, _ body: FieldReader, _ continuations: inout [(address: UInt64, length: Int)]
  ) throws(Flaw) {
    guard let known = HeaderMessage.Kind(rawValue: kind) else {
      guard flags & 0x42 == 0 || !HeaderMessage.ignored.contains(kind) else {
        throw .damage("a message is shared that cannot be")
      }
      // Bit 7: a reader that does not know the message must not read the object.
      if flags & 0x80 != 0, !HeaderMessage.ignored.contains(kind) {
        throw .unsupported("a header message of type \(kind)")
      }
      return
    }
    // Bits 1 and 6: it is shared, or may be.
    guard flags & 0x42 == 0 || known.isShareable else { throw .damage("a message is shared that cannot be") }
    if known == .continuation {
      var body = body
      guard let address = try body.address() else { throw .damage("a continuation has no address") }
      continuations.append((address, try body.length()))
      return
    }
    messages.append(HeaderMessage(kind: known, isShared: flags & 0x02 != 0, body: body))
  }
}
