/// Decodes the bytes of elements to values.
struct ElementDecoder {
  private let blocks: BlockReader
  private var left: Int
  private let limit: Int

  /// - Parameter limit: the most values to make in all.
  init(_ blocks: BlockReader, limit: Int) {
    self.blocks = blocks
    self.limit = limit
    left = limit
  }

  mutating func elements(_ bytes: [UInt8], _ type: Datatype, count: Int) throws(Flaw) -> [HDF5Element] {
    let size = type.size
    guard let total = size.times(count), total <= bytes.count, count <= left else {
      throw .tooMany("values of this kind in one object", limit: limit)
    }
    var result: [HDF5Element] = []
    result.reserveCapacity(count)
    for index in 0..<count {
      result.append(try element(bytes[index * size..<(index + 1) * size], type))
    }
    return result
  }

  /// Types are nested no deeper than `DatatypeMessage.depthLimit`.
  private mutating func element(_ bytes: ArraySlice<UInt8>, _ type: Datatype) throws(Flaw) -> HDF5Element {
    guard left > 0 else { throw .tooMany("values of this kind in one object", limit: limit) }
    left -= 1
    switch type {
    case .fixedPoint(let number), .bitField(let number), .enumeration(let number, _, _):
      return Self.integer(bytes, number)
    case .floatingPoint(let number): return .real(FloatingPointConversion(number).double(bytes))
    case .complex(let part):
      let conversion = FloatingPointConversion(part)
      return .complex(
        conversion.double(bytes.prefix(part.size)), conversion.double(bytes.dropFirst(part.size)))
    case .time, .opaque, .reference: return .bytes(Array(bytes))
    case .fixedString(_, let padding, _): return .text(Self.text(bytes, padding))
    case .variableString(let padding, _, _):
      let text = try GlobalHeap.sequence(bytes, elementSize: 1, blocks)
      // Variable-length text ends at its first zero byte, however it is padded.
      return .text(Self.text(text, padding == .spacePadded ? .spacePadded : .nullTerminated))
    case .compound(_, let members):
      var values: [HDF5Element] = []
      for member in members {
        let start = bytes.startIndex + member.offset
        values.append(try element(bytes[start..<start + member.type.size], member.type))
      }
      return .compound(values)
    case .array(let base, _, let size):
      var values: [HDF5Element] = []
      for start in stride(from: bytes.startIndex, to: bytes.startIndex + size, by: base.size) {
        values.append(try element(bytes[start..<start + base.size], base))
      }
      return .array(values)
    case .variableLength(let base, _):
      let content = try GlobalHeap.sequence(bytes, elementSize: base.size, blocks)
      var values: [HDF5Element] = []
      for start in stride(from: content.startIndex, to: content.endIndex, by: base.size) {
        values.append(try element(content[start..<start + base.size], base))
      }
      return .array(values)
    }
  }

  /// An integer, by its significant bits; more than 64 of them are not interpreted.
  static func integer(_ bytes: ArraySlice<UInt8>, _ type: Datatype.FixedPoint) -> HDF5Element {
    guard type.size <= 8 else { return .bytes(Array(bytes)) }
    var value: UInt64 = 0
    if type.order == .little {
      for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    } else {
      for byte in bytes { value = value << 8 | UInt64(byte) }
    }
    let unused = UInt64(64 - type.precision)
    let aligned = (value >> UInt64(type.offset)) << unused
    if type.signed { return .integer(Int64(bitPattern: aligned) >> Int64(unused)) }
    let number = aligned >> unused
    return Int64(exactly: number).map { .integer($0) } ?? .unsigned(number)
  }

  private static func text(_ bytes: ArraySlice<UInt8>, _ padding: Datatype.Padding) -> String {
    var text = bytes
    switch padding {
    case .nullTerminated: text = text.prefix { $0 != 0 }
    case .nullPadded: while text.last == 0 { text.removeLast() }
    case .spacePadded: while text.last == UInt8(ascii: " ") { text.removeLast() }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
