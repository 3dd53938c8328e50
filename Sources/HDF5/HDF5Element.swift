/// One element of a dataset or attribute, decoded.
public indirect enum HDF5Element: Sendable, Equatable {
  /// An integer, an enumeration or a boolean.
  case integer(Int64)
  /// An unsigned integer or a bit field beyond `Int64.max`.
  case unsigned(UInt64)
  /// A floating-point number; formats wider than 64 bits are rounded.
  case real(Double)
  /// The real and the imaginary part.
  case complex(Double, Double)
  /// Text.
  case text(String)
  /// The bytes of what is not interpreted: opaque bytes, references, times, and integers of more than 64 bits.
  case bytes([UInt8])
  /// The members of a compound, in the order of its datatype.
  case compound([HDF5Element])
  /// The elements of an array, in row-major order, or of a sequence.
  case array([HDF5Element])
}

extension HDF5Element: CustomStringConvertible {
  public var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .unsigned(let value): "\(value)"
    case .real(let value): "\(value)"
    case .complex(let real, let imaginary): "\(real)\(imaginary < 0 ? "" : "+")\(imaginary)i"
    case .text(let text): "'\(text)'"
    case .bytes(let bytes): "\(bytes.count) bytes"
    case .compound(let members): "(" + members.map(\.description).joined(separator: ", ") + ")"
    case .array(let elements): "[" + elements.map(\.description).joined(separator: ", ") + "]"
    }
  }
}
