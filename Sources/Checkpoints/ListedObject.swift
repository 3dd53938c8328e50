import AviaryDiagnostics
import AviaryHDF5

extension Checkpoint {
  /// An object of an HDF5 file that is no array of numbers: text, compounds, enumerations, references, opaque bytes, arrays
  /// of arrays, or a datatype with a name.
  public struct ListedObject: Sendable {
    /// Its path.
    public let path: String
    /// Such as `compound {x: float32, name: text of 8 bytes}`.
    public let type: String
    /// `nil` for a datatype, which has no values.
    public let shape: [Int]?
    private let read: @Sendable (Int) throws(CheckpointFault) -> [JSONValue]

    /// The first values in row-major order, `count` at most: a compound is an object, a reference the path that it refers to,
    /// bytes are written in hexadecimal digits.
    public func values(_ count: Int) throws(CheckpointFault) -> [JSONValue] { try read(count) }

    init(_ dataset: HDF5Contents.Dataset, _ reader: HDF5Reader) {
      path = dataset.path
      type = "\(dataset.datatype)"
      shape = dataset.shape
      read = { (count) throws(CheckpointFault) in
        if dataset.isNull || count < 1 { return [] }
        let slices = Self.slices(first: count, of: dataset.shape)
        let values = try hdf5 { () throws(HDF5Fault) in try reader.values(of: dataset, at: slices) }
        return values.prefix(count).map { JSONValue($0, dataset.datatype, reader) }
      }
    }

    init(_ type: HDF5Contents.NamedDatatype) {
      path = type.path
      self.type = "datatype \(type.datatype)"
      shape = nil
      read = { (_) throws(CheckpointFault) in [] }
    }

    /// A part that holds the first `count` elements, and not many more.
    private static func slices(first count: Int, of shape: [Int]) -> [HDF5Slice] {
      var needed = count
      var slices: [HDF5Slice] = []
      for extent in shape.reversed() {
        slices.append(HDF5Slice(start: 0, count: min(extent, needed)))
        needed = extent == 0 ? 1 : (needed - 1) / extent + 1
      }
      return slices.reversed()
    }
  }

  /// An attribute of an object in an HDF5 file.
  public struct ListedAttribute: Sendable, Equatable {
    /// The path of the object; empty for the root group.
    public let path: String
    /// Its name.
    public let name: String
    /// Its type, in words.
    public let type: String
    /// `nil` for a null dataspace.
    public let shape: [Int]?
    /// One value for a scalar, an array of the first ones otherwise.
    public let value: JSONValue

    /// The most values of an attribute that are listed.
    static let limit = 100

    init?(_ attribute: HDF5Attribute, of path: String, _ reader: HDF5Reader) {
      guard let datatype = attribute.datatype else { return nil }
      self.path = path
      name = attribute.name
      type = "\(datatype)"
      shape = attribute.shape
      let elements: [HDF5Element] =
        switch attribute.value {
        case .text(let text): [.text(text)]
        case .texts(let texts): texts.prefix(Self.limit).map { .text($0) }
        case .integer(let number): [.integer(number)]
        case .integers(let numbers): numbers.prefix(Self.limit).map { .integer($0) }
        case .checksum(let sum): [.integer(Int64(sum))]
        case .real(let number): [.real(number)]
        case .reals(let numbers): numbers.prefix(Self.limit).map { .real($0) }
        case .floats(let numbers): numbers.prefix(Self.limit).map { .real(Double($0)) }
        case .elements(let elements): Array(elements.prefix(Self.limit))
        case .other: []
        }
      let values = elements.map { JSONValue($0, datatype, reader) }
      value = attribute.shape?.isEmpty ?? false ? values.first ?? .null : .array(values)
    }
  }

  /// What `inspect` shows of an HDF5 file beside its arrays.
  mutating func list(_ reader: HDF5Reader) {
    objects +=
      (reader.contents.datasets + reader.contents.linkedDatasets)
      .filter { Dtype($0.type, attributes: $0.attributes) == nil }.map { ListedObject($0, reader) }
    objects += reader.contents.namedDatatypes.map { ListedObject($0) }
    for group in reader.contents.groups {
      attributes += group.attributes.compactMap { ListedAttribute($0, of: group.path, reader) }
    }
    for dataset in reader.contents.datasets {
      attributes += dataset.attributes.compactMap { ListedAttribute($0, of: dataset.path, reader) }
    }
    for type in reader.contents.namedDatatypes {
      attributes += type.attributes.compactMap { ListedAttribute($0, of: type.path, reader) }
    }
  }
}

extension JSONValue {
  /// An element of an HDF5 dataset or attribute.
  init(_ element: HDF5Element, _ type: Datatype, _ reader: HDF5Reader) {
    switch (element, type) {
    case (.integer(let value), .enumeration(_, let names, let values)):
      self = values.firstIndex(of: .integer(value)).map { .text(names[$0]) } ?? .number("\(value)")
    case (.integer(let value), _): self = .number("\(value)")
    case (.unsigned(let value), _): self = .number("\(value)")
    case (.real(let value), _): self = value.isFinite ? .real(value) : .text("\(value)")
    case (.complex(let real, let imaginary), _): self = .array([.real(real), .real(imaginary)])
    case (.text(let text), _): self = .text(text)
    case (.bytes(let bytes), .reference(_, let kind)): self = .text(reader.target(ofReference: bytes, kind))
    case (.bytes(let bytes), _): self = .text("0x" + bytes.prefix(64).map(Self.hexadecimal).joined())
    case (.compound(let values), .compound(_, let members)):
      // Nothing keeps a file from giving two members one name.
      let isExact = Set(members.map { ExactText($0.name) }).count == members.count
      let parts = zip(values, members).map { JSONValue($0, $1.type, reader) }
      self = isExact ? .object(zip(members, parts).map { Member($0.name, $1) }) : .array(parts)
    case (.array(let values), .array(let base, _, _)), (.array(let values), .variableLength(let base, _)):
      self = .array(values.prefix(Checkpoint.ListedAttribute.limit).map { JSONValue($0, base, reader) })
    default: self = .text("\(element)")
    }
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}
