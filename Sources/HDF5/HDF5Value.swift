import AviaryDiagnostics

/// The value of an attribute.
public enum HDF5Value: Sendable, Equatable {
  /// Text.
  case text(String)
  /// Texts.
  case texts([String])
  /// A whole number.
  case integer(Int64)
  /// Whole numbers.
  case integers([Int64])
  /// Written as uint32: checksums. Reading gives `integer`.
  case checksum(UInt32)
  /// A number.
  case real(Double)
  /// Numbers.
  case reals([Double])
  /// Written as float32. Reading gives `reals`.
  case floats([Float])
  /// A value of any other datatype: compounds, enumerations, arrays, references …, and integers beyond `Int64.max`.
  /// A scalar has one element.
  case elements([HDF5Element])
  /// The name of a type that is not supported.
  case other(String)

  /// The text of a scalar, or of an array with one element.
  public var text: String? {
    switch self {
    case .text(let text): text
    case .texts(let texts) where texts.count == 1: texts[0]
    default: nil
    }
  }

  /// The texts of an array: one for a scalar, none for an empty array of any type.
  public var texts: [String]? {
    switch self {
    case .text(let text): [text]
    case .texts(let texts): texts
    case .reals(let values) where values.isEmpty: []
    case .integers(let values) where values.isEmpty: []
    case .elements(let values) where values.isEmpty: []
    default: nil
    }
  }

  /// The number, of a single number.
  public var real: Double? {
    switch self {
    case .real(let value): value
    case .reals(let values) where values.count == 1: values[0]
    default: nil
    }
  }

  /// The number, of a single whole number.
  public var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .integers(let values) where values.count == 1: values[0]
    case .checksum(let value): Int64(value)
    default: nil
    }
  }
}

/// A named value of a group or dataset.
public struct HDF5Attribute: Sendable, Equatable {
  /// Its name.
  public let name: String
  /// Its value.
  public let value: HDF5Value
  /// The datatype in the file; `nil` for an attribute that was not read from a file.
  public let datatype: Datatype?
  /// The extents; empty for a scalar, `nil` for a null dataspace or an attribute that was not read from a file.
  public let shape: [Int]?

  /// An attribute with a name and a value.
  public init(_ name: String, _ value: HDF5Value) {
    self.init(name, value, datatype: nil, shape: nil)
  }

  init(_ name: String, _ value: HDF5Value, datatype: Datatype?, shape: [Int]?) {
    self.name = name
    self.value = value
    self.datatype = datatype
    self.shape = shape
  }
}

extension [HDF5Attribute] {
  /// The value of the attribute with this name.
  public subscript(name: String) -> HDF5Value? { first { $0.name.isExactly(name) }?.value }
}
