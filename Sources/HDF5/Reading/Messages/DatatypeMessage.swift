/// Parses datatype messages (specification IV.A.2.d), versions 1 to 5.
struct DatatypeMessage {
  /// How deep types may be nested. Real ones have three or four levels.
  static let depthLimit = 16

  private var depth = 0

  static func datatype(_ fields: inout FieldReader) throws(Flaw) -> Datatype {
    var parser = DatatypeMessage()
    return try parser.type(&fields)
  }

  /// The datatype of a message, which may refer to a committed datatype.
  static func datatype(of message: HeaderMessage, _ blocks: BlockReader) throws(Flaw) -> Datatype {
    guard message.isShared else {
      var body = message.body
      return try datatype(&body)
    }
    var pointer = message.body
    guard case .object(let address) = try SharedMessage.place(&pointer, blocks) else {
      var body = try SharedMessage.body(of: message, blocks)
      return try datatype(&body)
    }
    if let known = blocks.committedDatatypes[address] { return known }
    var body = try SharedMessage.body(of: message, blocks)
    let type = try datatype(&body)
    blocks.committedDatatypes[address] = type
    return type
  }

  private mutating func type(_ fields: inout FieldReader) throws(Flaw) -> Datatype {
    guard depth < Self.depthLimit else { throw .tooMany("datatypes within one another", limit: Self.depthLimit) }
    depth += 1
    defer { depth -= 1 }
    let first = try fields.byte()
    let version = first >> 4
    guard (1...5).contains(version) else { throw .damage("a datatype has version \(version)") }
    let bits = Int(try fields.unsigned(3))
    let size = try fields.uint32()
    guard size > 0 else { throw .damage("a datatype has no size") }
    switch first & 0x0f {
    case 0: return .fixedPoint(try fixedPoint(&fields, bits, size))
    case 1: return .floatingPoint(try floatingPoint(&fields, bits, size))
    case 2:
      try fields.skip(2)
      return .time(size: size, order: bits & 1 == 0 ? .little : .big)
    case 3: return .fixedString(size: size, padding: try padding(bits), characterSet: try characterSet(bits >> 4))
    case 4: return .bitField(try fixedPoint(&fields, bits & ~8, size))
    case 5:
      var tag = try fields.block(bits & 0xff)
      return .opaque(size: size, tag: tag.remaining == 0 ? "" : Self.text(try tag.take(tag.remaining)))
    case 6: return .compound(size: size, members: try members(&fields, count: bits & 0xffff, size, version))
    case 7: return try reference(bits & 0x0f, size)
    case 8: return try enumeration(&fields, count: bits & 0xffff, size, version)
    case 9: return try variableLength(&fields, bits, size)
    case 10: return try array(&fields, size, version)
    case 11:
      guard case .floatingPoint(let part) = try type(&fields), part.size.times(2) == size else {
        throw .damage("a complex datatype is not made of two floating-point numbers")
      }
      return .complex(of: part)
    default: throw .damage("a datatype has class \(first & 0x0f)")
    }
  }

  static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  private func fixedPoint(
    _ fields: inout FieldReader, _ bits: Int, _ size: Int
  ) throws(Flaw) -> Datatype.FixedPoint {
    let offset = try fields.uint16()
    let precision = try fields.uint16()
    guard precision > 0, offset + precision <= size * 8 else {
      throw .damage("an integer has \(precision) bits at \(offset) in \(size) bytes")
    }
    return .init(
      size: size, order: bits & 1 == 0 ? .little : .big, offset: offset, precision: precision, signed: bits & 8 != 0)
  }

  private func floatingPoint(
    _ fields: inout FieldReader, _ bits: Int, _ size: Int
  ) throws(Flaw) -> Datatype.FloatingPoint {
    let offset = try fields.uint16()
    let precision = try fields.uint16()
    let exponentLocation = try fields.byte()
    let exponentSize = try fields.byte()
    let mantissaLocation = try fields.byte()
    let mantissaSize = try fields.byte()
    let bias = try fields.uint32()
    let sign = bits >> 8 & 0xff
    let end = offset + precision
    guard precision > 0, end <= size * 8, exponentSize > 0, mantissaSize > 0, sign < end,
      exponentLocation + exponentSize <= end, mantissaLocation + mantissaSize <= end, exponentSize <= 32
    else { throw .damage("the parts of a floating-point number are outside of it") }
    // An overlap would give a bit two meanings.
    let exponent = exponentLocation..<exponentLocation + exponentSize
    let mantissa = mantissaLocation..<mantissaLocation + mantissaSize
    guard !exponent.overlaps(mantissa), !exponent.contains(sign), !mantissa.contains(sign) else {
      throw .damage("the parts of a floating-point number overlap")
    }
    let normalization = bits >> 4 & 3
    guard normalization < 3 else { throw .damage("a floating-point number has an unknown normalization") }
    let order: Datatype.ByteOrder
    switch bits & 0x41 {
    case 0: order = .little
    case 1: order = .big
    case 0x41: throw .unsupported("a number in VAX byte order")
    default: throw .damage("a floating-point number has an unknown byte order")
    }
    return .init(
      size: size, order: order, signLocation: sign, exponentLocation: exponentLocation, exponentSize: exponentSize,
      mantissaLocation: mantissaLocation, mantissaSize: mantissaSize, exponentBias: bias,
      isLeadingBitImplied: normalization == 2)
  }

  private func padding(_ bits: Int) throws(Flaw) -> Datatype.Padding {
    switch bits & 0x0f {
    case 0: return .nullTerminated
    case 1: return .nullPadded
    case 2: return .spacePadded
    default: throw .damage("a text has padding of kind \(bits & 0x0f)")
    }
  }

  private func characterSet(_ bits: Int) throws(Flaw) -> Datatype.CharacterSet {
    switch bits & 0x0f {
    case 0: return .ascii
    case 1: return .utf8
    default: throw .damage("a text has character set \(bits & 0x0f)")
    }
  }

  private func reference(_ kind: Int, _ size: Int) throws(Flaw) -> Datatype {
    switch kind {
    case 0, 2: return .reference(size: size, kind: .object)
    case 1, 3: return .reference(size: size, kind: .region)
    case 4: return .reference(size: size, kind: .attribute)
    default: throw .damage("a reference is of kind \(kind)")
    }
  }

  private mutating func variableLength(
    _ fields: inout FieldReader, _ bits: Int, _ size: Int
  ) throws(Flaw) -> Datatype {
    // A length, an address and an index.
    guard size == 8 + fields.sizeOfOffsets else { throw .damage("a sequence has references of \(size) bytes") }
    let base = try type(&fields)
    switch bits & 0x0f {
    case 0: return .variableLength(of: base, size: size)
    case 1:
      return .variableString(padding: try padding(bits >> 4), characterSet: try characterSet(bits >> 8), size: size)
    default: throw .damage("a sequence is of kind \(bits & 0x0f)")
    }
  }

  /// Text padded with zeros to a multiple of eight bytes before version 3.
  private func name(_ fields: inout FieldReader, _ version: Int) throws(Flaw) -> String {
    let start = fields.offset
    let name = try fields.zeroTerminatedText()
    if version < 3 { try fields.align(from: start) }
    return name
  }

  private mutating func members(
    _ fields: inout FieldReader, count: Int, _ size: Int, _ version: Int
  ) throws(Flaw) -> [Datatype.Member] {
    guard count > 0 else { throw .damage("a compound has no members") }
    var members: [Datatype.Member] = []
    for _ in 0..<count {
      let name = try name(&fields, version)
      let offset = try fields.number(version < 3 ? 4 : size.encodedSize)
      var dimensions: [Int] = []
      if version == 1 {
        let rank = try fields.byte()
        try fields.skip(3 + 4 + 4)
        for index in 0..<4 {
          let extent = try fields.uint32()
          if index < rank { dimensions.append(extent) }
        }
        guard rank <= 4 else { throw .damage("a member of a compound has \(rank) dimensions") }
      }
      var member = try type(&fields)
      if !dimensions.isEmpty { member = try Self.array(of: member, dimensions) }
      guard let end = offset.plus(member.size), end <= size else {
        throw .damage("member '\(name)' is outside its compound")
      }
      members.append(.init(name: name, offset: offset, type: member))
    }
    // Overlapping members would make more of an element than it has bytes.
    var end = 0
    for member in members.sorted(by: { $0.offset < $1.offset }) {
      guard member.offset >= end else { throw .damage("member '\(member.name)' overlaps another of its compound") }
      end = member.offset + member.type.size
    }
    return members
  }

  private mutating func enumeration(
    _ fields: inout FieldReader, count: Int, _ size: Int, _ version: Int
  ) throws(Flaw) -> Datatype {
    guard case .fixedPoint(let base) = try type(&fields), base.size == size else {
      throw .damage("an enumeration is not made of integers of its size")
    }
    var names: [String] = []
    for _ in 0..<count { names.append(try name(&fields, version)) }
    var values: [HDF5Element] = []
    for _ in 0..<count { values.append(ElementDecoder.integer(try fields.take(size)[...], base)) }
    return .enumeration(base: base, names: names, values: values)
  }

  private mutating func array(_ fields: inout FieldReader, _ size: Int, _ version: Int) throws(Flaw) -> Datatype {
    let rank = try fields.byte()
    guard (1...Dataspace.rankLimit).contains(rank) else { throw .damage("an array has \(rank) dimensions") }
    if version < 3 { try fields.skip(3) }
    var dimensions: [Int] = []
    for _ in 0..<rank { dimensions.append(try fields.uint32()) }
    if version < 3 { try fields.skip(4 * rank) }
    let type = try Self.array(of: try type(&fields), dimensions)
    guard type.size == size else { throw .damage("an array's dimensions do not make up its size") }
    return type
  }

  private static func array(of base: Datatype, _ dimensions: [Int]) throws(Flaw) -> Datatype {
    var size = base.size
    for extent in dimensions {
      guard extent > 0, let product = size.times(extent) else { throw .damage("an array has impossible dimensions") }
      size = product
    }
    return .array(of: base, dimensions: dimensions, size: size)
  }
}
