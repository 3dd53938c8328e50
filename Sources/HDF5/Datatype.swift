/// The type of one element of a dataset or attribute, with every detail of the *datatype message* of the HDF5
/// specification (IV.A.2.d). `HDF5ElementType` is the short form for numbers.
public indirect enum Datatype: Sendable, Equatable {
  /// Class 0: an integer.
  case fixedPoint(FixedPoint)
  /// Class 1: a floating-point number.
  case floatingPoint(FloatingPoint)
  /// Class 2: a point in time, read as bytes: no library converts it.
  case time(size: Int, order: ByteOrder)
  /// Class 3: text in a field of `size` bytes.
  case fixedString(size: Int, padding: Padding, characterSet: CharacterSet)
  /// Class 4: bits; `signed` is false.
  case bitField(FixedPoint)
  /// Class 5: bytes that HDF5 does not interpret; the `tag` describes them.
  case opaque(size: Int, tag: String)
  /// Class 6: named members, each at its offset.
  case compound(size: Int, members: [Member])
  /// Class 7: the address of an object, a region or an attribute.
  case reference(size: Int, kind: ReferenceKind)
  /// Class 8: an integer with names for its values.
  case enumeration(base: FixedPoint, names: [String], values: [HDF5Element])
  /// Class 9: a sequence of any length.
  case variableLength(of: Datatype, size: Int)
  /// Class 9 again: text of any length.
  case variableString(padding: Padding, characterSet: CharacterSet, size: Int)
  /// Class 10: a block of fixed dimensions.
  case array(of: Datatype, dimensions: [Int], size: Int)
  /// Class 11: real and imaginary part.
  case complex(of: FloatingPoint)

  /// The order of the bytes of a number.
  public enum ByteOrder: Sendable, Equatable {
    /// The least significant byte first, or the most significant one.
    case little, big
  }

  /// The padding of a text that is shorter than its field.
  public enum Padding: Sendable, Equatable {
    /// One zero byte, followed by anything.
    case nullTerminated
    /// Zero bytes only.
    case nullPadded
    /// Filled up with spaces.
    case spacePadded
  }

  /// How text is encoded.
  public enum CharacterSet: Sendable, Equatable {
    /// ASCII, or UTF-8.
    case ascii, utf8
  }

  /// What a reference leads to.
  public enum ReferenceKind: Sendable, Equatable {
    /// An object, a part of a dataset, or an attribute.
    case object, region, attribute
  }

  /// An integer of `precision` bits, which start at bit `offset` of its `size` bytes.
  public struct FixedPoint: Sendable, Equatable {
    /// Its size in bytes.
    public let size: Int
    /// The order of its bytes.
    public let order: ByteOrder
    /// The first bit that counts.
    public let offset: Int
    /// The number of bits that count.
    public let precision: Int
    /// Whether it has a sign.
    public let signed: Bool

    /// Whether every bit is significant.
    public var isFull: Bool { offset == 0 && precision == size * 8 }
  }

  /// A floating-point number, by the positions and widths of its parts in bits.
  public struct FloatingPoint: Sendable, Equatable {
    /// Its size in bytes.
    public let size: Int
    /// The order of its bytes.
    public let order: ByteOrder
    /// The place of the sign bit.
    public let signLocation: Int
    /// The first bit of the exponent.
    public let exponentLocation: Int
    /// The number of bits of the exponent.
    public let exponentSize: Int
    /// The first bit of the mantissa.
    public let mantissaLocation: Int
    /// The number of bits of the mantissa.
    public let mantissaSize: Int
    /// What is subtracted from the exponent.
    public let exponentBias: Int
    /// Whether the leading one of the mantissa is not stored, as in IEEE 754.
    public let isLeadingBitImplied: Bool
  }

  /// A member of a compound.
  public struct Member: Sendable, Equatable {
    /// Its name.
    public let name: String
    /// Where it begins, in bytes from the start of the compound.
    public let offset: Int
    /// Its type.
    public let type: Datatype
  }

  /// Bytes of one element in the file.
  public var size: Int {
    switch self {
    case .fixedPoint(let number), .bitField(let number): number.size
    case .floatingPoint(let number): number.size
    case .enumeration(let base, _, _): base.size
    case .complex(let part): part.size * 2
    case .time(let size, _), .fixedString(let size, _, _), .opaque(let size, _), .compound(let size, _),
      .reference(let size, _), .variableLength(_, let size), .variableString(_, _, let size), .array(_, _, let size):
      size
    }
  }
}

extension Datatype.FloatingPoint {
  /// Whether it is the IEEE 754 format of its size.
  var isIEEE: Bool {
    switch size {
    case 2: has(sign: 15, exponent: (10, 5), mantissa: 10, bias: 15)
    case 4: has(sign: 31, exponent: (23, 8), mantissa: 23, bias: 127)
    case 8: has(sign: 63, exponent: (52, 11), mantissa: 52, bias: 1023)
    default: false
    }
  }

  /// Whether it is the upper half of a Float32.
  var isBFloat16: Bool { size == 2 && has(sign: 15, exponent: (7, 8), mantissa: 7, bias: 127) }

  private func has(sign: Int, exponent: (at: Int, size: Int), mantissa: Int, bias: Int) -> Bool {
    signLocation == sign && exponentLocation == exponent.at && exponentSize == exponent.size && mantissaLocation == 0
      && mantissaSize == mantissa && exponentBias == bias && isLeadingBitImplied
  }
}

extension Datatype: CustomStringConvertible {
  /// Such as `int32`, `float64 big-endian` or `compound {x: float32, name: text of 8 bytes}`.
  public var description: String {
    switch self {
    case .fixedPoint(let number): number.description
    case .floatingPoint(let number): number.description
    case .time(let size, _): "time of \(size) bytes"
    case .fixedString(let size, let padding, let set): "\(set)text of \(size) bytes, \(padding)"
    case .variableString(_, let set, _): "\(set)text"
    case .bitField(let number): "bit field of \(number.size) bytes" + number.order.suffix(number.size)
    case .opaque(let size, let tag): "opaque of \(size) bytes" + (tag.isEmpty ? "" : " '\(tag)'")
    case .compound(_, let members):
      "compound {" + members.map { "\($0.name): \($0.type)" }.joined(separator: ", ") + "}"
    case .reference(_, let kind): "\(kind) reference"
    case .enumeration(let base, let names, let values):
      "enumeration of \(base) {" + zip(names, values).map { "\($0) = \($1)" }.joined(separator: ", ") + "}"
    case .variableLength(let base, _): "sequence of \(base)"
    case .array(let base, let dimensions, _): "array \(dimensions) of \(base)"
    case .complex(let part): "complex of \(part)"
    }
  }
}

extension Datatype {
  /// Whether the bytes of an element say it all, without the heap or the addresses of a file.
  var isSelfContained: Bool {
    switch self {
    case .variableLength, .variableString, .reference: false
    case .compound(_, let members): members.allSatisfy(\.type.isSelfContained)
    case .array(let base, _, _): base.isSelfContained
    default: true
    }
  }
}

extension Datatype.ByteOrder {
  fileprivate func suffix(_ size: Int) -> String { self == .big && size > 1 ? " big-endian" : "" }
}

extension Datatype.CharacterSet: CustomStringConvertible {
  public var description: String { self == .ascii ? "ASCII " : "" }
}

extension Datatype.Padding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .nullTerminated: "zero-terminated"
    case .nullPadded: "zero-padded"
    case .spacePadded: "space-padded"
    }
  }
}

extension Datatype.FixedPoint: CustomStringConvertible {
  public var description: String {
    let name = (signed ? "int" : "uint") + String(size * 8)
    return name + (isFull ? "" : " (\(precision) bits at \(offset))") + order.suffix(size)
  }
}

extension Datatype.FloatingPoint: CustomStringConvertible {
  public var description: String {
    let name =
      isIEEE
      ? "float\(size * 8)"
      : isBFloat16 ? "bfloat16" : "float of \(size) bytes (\(exponentSize) exponent, \(mantissaSize) mantissa bits)"
    return name + order.suffix(size)
  }
}
