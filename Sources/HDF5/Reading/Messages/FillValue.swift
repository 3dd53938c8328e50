/// The value of elements that were never written: the fill value messages (specification IV.A.2.e and f).
enum FillValue {
  /// The bytes of one element; `nil` where they are zero or undefined.
  static func bytes(_ header: ObjectHeader, size: Int, _ blocks: BlockReader) throws(Flaw) -> [UInt8]? {
    var value: [UInt8]?
    if let message = header.first(.fillValue) {
      value = try new(try SharedMessage.body(of: message, blocks))
    } else if let message = header.first(.oldFillValue) {
      var body = try SharedMessage.body(of: message, blocks)
      value = try body.take(try body.uint32())
    }
    guard let value, !value.isEmpty else { return nil }
    guard value.count == size else { throw .damage("the fill value has \(value.count) bytes, an element \(size)") }
    return value.allSatisfy { $0 == 0 } ? nil : value
  }

  private static func new(_ message: FieldReader) throws(Flaw) -> [UInt8]? {
    var message = message
    let version = try message.byte()
    switch version {
    case 1, 2:
      try message.skip(2)
      let isDefined = try message.byte() != 0
      guard isDefined || version == 1 else { return nil }
      let size = try message.uint32()
      // All ones: undefined.
      return size == Int(UInt32.max) || !isDefined ? nil : try message.take(size)
    case 3:
      guard try message.byte() & 0x20 != 0 else { return nil }
      return try message.take(try message.uint32())
    default: throw .damage("a fill value has version \(version)")
    }
  }
}
