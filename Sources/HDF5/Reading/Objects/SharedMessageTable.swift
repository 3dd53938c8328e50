/// The table of shared messages (specification IV.A.2.p and III.H): heaps of messages that several objects use.
struct SharedMessageTable: Sendable {
  /// Address of the heap for messages whose type is a bit in `kinds`.
  private let heaps: [(kinds: Int, address: UInt64)]

  init(_ message: FieldReader, _ blocks: BlockReader) throws(Flaw) {
    var message = message
    try message.version(0)
    guard let address = try message.address() else { throw .damage("the shared message table has no address") }
    let count = try message.byte()
    let indexSize = 2 + 2 + 4 + 2 + 2 + 2 + 2 * blocks.image.sizeOfOffsets
    var table = try blocks.block(at: address, count: 8 + count * indexSize, "the shared message table")
    try table.signature("SMTB")
    var heaps: [(kinds: Int, address: UInt64)] = []
    for _ in 0..<count {
      try table.version(0)
      try table.skip(1)
      let kinds = try table.uint16()
      try table.skip(4 + 2 + 2 + 2)
      _ = try table.address()
      if let heap = try table.address() { heaps.append((kinds, heap)) }
    }
    try table.checksum(from: 0)
    self.heaps = heaps
  }

  func body(of id: [UInt8], _ kind: HeaderMessage.Kind, _ blocks: BlockReader) throws(Flaw) -> FieldReader {
    // Both kinds of fill value message share a bit.
    let bit = kind == .oldFillValue ? HeaderMessage.Kind.fillValue.rawValue : kind.rawValue
    guard let heap = heaps.first(where: { $0.kinds & 1 << bit != 0 }) else {
      throw .damage("no shared message heap holds messages of type \(kind.rawValue)")
    }
    // Most objects ask for messages of the same heap.
    let known = blocks.sharedHeaps[heap.address]
    let fractal = if let known { known } else { try FractalHeap(at: heap.address, blocks) }
    blocks.sharedHeaps[heap.address] = fractal
    return try fractal.object(id, "a shared message", blocks)
  }
}
