/// The element type of a dataset in short; `Datatype` has every detail.
public enum HDF5ElementType: Sendable, Equatable {
  /// An integer of 1, 2, 4 or 8 bytes. Other widths are read as the next wider of these.
  case integer(bytes: Int, signed: Bool)
  /// An IEEE 754 number of 2, 4 or 8 bytes. Other formats are read as the next wider, beyond 64 bits rounded.
  case float(bytes: Int)
  /// The upper half of a Float32 stored as a floating-point type of its own. (Keras writes uint16 instead.)
  case bfloat16
  /// h5py's enumeration of FALSE and TRUE in one byte.
  case boolean
  /// Bytes that HDF5 does not interpret, `bytes` for each element. Keras stores bfloat16 in two and says so in an attribute.
  case opaque(bytes: Int)
  /// Text; not readable as an array.
  case text
  /// Any other type, by name: compound, reference, variable-length …
  case other(String)

  /// Bytes of one element; `nil` where elements are not numbers.
  public var size: Int? {
    switch self {
    case .integer(let bytes, _), .float(let bytes), .opaque(let bytes): bytes
    case .bfloat16: 2
    case .boolean: 1
    case .text, .other: nil
    }
  }
}

extension HDF5ElementType: CustomStringConvertible {
  public var description: String {
    switch self {
    case .integer(let bytes, let signed): (signed ? "int" : "uint") + String(bytes * 8)
    case .float(let bytes): "float" + String(bytes * 8)
    case .bfloat16: "bfloat16"
    case .boolean: "bool"
    case .opaque: "opaque"
    case .text: "text"
    case .other(let name): name
    }
  }
}

extension Datatype {
  /// The type in which `HDF5Reader.bytes(of:)` returns it.
  public var elementType: HDF5ElementType {
    switch self {
    case .fixedPoint(let number):
      guard let bytes = [1, 2, 4, 8].first(where: { $0 >= number.size }) else { return .other("\(number)") }
      return .integer(bytes: bytes, signed: number.signed)
    case .floatingPoint(let number):
      if number.isBFloat16 { return .bfloat16 }
      if number.isIEEE { return .float(bytes: number.size) }
      return .float(bytes: number.exponentSize <= 8 && number.mantissaSize <= 23 ? 4 : 8)
    case .fixedString, .variableString: return .text
    case .enumeration(let base, let names, let values):
      let isBoolean =
        base.size == 1
        && (names == ["FALSE", "TRUE"] && values == [.integer(0), .integer(1)]
          || names == ["TRUE", "FALSE"] && values == [.integer(1), .integer(0)])
      return isBoolean ? .boolean : .other("enumeration")
    case .compound: return .other("compound")
    case .reference: return .other("reference")
    case .opaque(let size, _): return size > 0 ? .opaque(bytes: size) : .other("opaque")
    case .variableLength: return .other("variable-length")
    case .array: return .other("array")
    case .bitField: return .other("bit field")
    case .time: return .other("time")
    case .complex: return .other("complex")
    }
  }
}
