import AviaryDiagnostics

/// The value of an attribute.
public enum HDF5Value: Sendable, Equatable {
  case text(String)
  case texts([String])
  case integer(Int64)
  case integers([Int64])
  /// Written as uint32: checksums. Reading gives `integer`.
  case checksum(UInt32)
  case real(Double)
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

  public var real: Double? {
    switch self {
    case .real(let value): value
    case .reals(let values) where values.count == 1: values[0]
    default: nil
    }
  }

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
  public let name: String
  public let value: HDF5Value
  /// The datatype in the file; `nil` for an attribute that was not read from a file.
  public let datatype: Datatype?
  /// The extents; empty for a scalar, `nil` for a null dataspace or an attribute that was not read from a file.
  public let shape: [Int]?

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
  public subscript(name: String) -> HDF5Value? { first { $0.name.isExactly(name) }?.value }
}
