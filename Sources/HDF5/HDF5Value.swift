import AviaryArchives

/// The element type of a dataset, as far as weights need it.
public enum HDF5ElementType: Sendable, Equatable {
  /// An integer of 1, 2, 4 or 8 bytes.
  case integer(bytes: Int, signed: Bool)
  /// An IEEE 754 number of 2, 4 or 8 bytes.
  case float(bytes: Int)
  /// The upper half of a Float32 stored as a floating-point type of its own. (Keras writes uint16 instead.)
  case bfloat16
  /// h5py's enumeration of FALSE and TRUE in one byte.
  case boolean
  /// Bytes without a meaning in HDF5, so many to an element; Keras keeps bfloat16 in two and says so in an attribute.
  case opaque(bytes: Int)
  /// Text; not readable as an array.
  case text
  /// Anything else, named: compound, reference, variable-length …
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
  /// A type that is not read, named.
  case other(String)

  /// The text of a scalar, or of an array with one element.
  public var text: String? {
    switch self {
    case .text(let text): text
    case .texts(let texts) where texts.count == 1: texts[0]
    default: nil
    }
  }

  /// The texts of an array; a scalar counts as one, and so does an empty array of any type as none.
  public var texts: [String]? {
    switch self {
    case .text(let text): [text]
    case .texts(let texts): texts
    case .reals(let values) where values.isEmpty: []
    case .integers(let values) where values.isEmpty: []
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

  public init(_ name: String, _ value: HDF5Value) {
    self.name = name
    self.value = value
  }
}

extension [HDF5Attribute] {
  public subscript(name: String) -> HDF5Value? { first { $0.name == name }?.value }
}

/// Something to be written: a group or a dataset, with its attributes.
public struct HDF5Item: Sendable {
  public enum Content: Sendable {
    case group
    /// `bytes` in little-endian order; `shape` empty for a single number.
    case dataset(type: HDF5ElementType, shape: [Int], bytes: ByteRegion)
    /// A list of texts of any length, as variable-length UTF-8.
    case texts([String])
  }

  /// Names from the root, joined by slashes; empty for the root itself.
  public let path: String
  public let attributes: [HDF5Attribute]
  public let content: Content

  public init(path: String, attributes: [HDF5Attribute] = [], content: Content = .group) {
    self.path = path
    self.attributes = attributes
    self.content = content
  }
}

/// What a file holds, without the datasets' bytes.
public struct HDF5Contents: Sendable {
  public struct Group: Sendable {
    /// Names from the root, joined by slashes; empty for the root.
    public let path: String
    public let attributes: [HDF5Attribute]
  }

  public struct Dataset: Sendable {
    public let path: String
    public let type: HDF5ElementType
    public let shape: [Int]
    public let attributes: [HDF5Attribute]
    /// Bytes once read; `nil` where the product overflows or elements are not numbers.
    public let byteCount: Int?
    /// Offset in the file where all bytes lie one after another, little-endian and unfiltered.
    public let offset: Int?
  }

  /// Soft and external links and other things that are not followed.
  public struct Refusal: Sendable, Equatable {
    public let path: String
    public let reason: String
  }

  public internal(set) var groups: [Group] = []
  public internal(set) var datasets: [Dataset] = []
  public internal(set) var refusals: [Refusal] = []

  public func attributes(ofGroup path: String) -> [HDF5Attribute]? {
    groups.first { $0.path == path }?.attributes
  }
}
