import AviaryArchives
import AviaryHDF5

/// Everything that a reader finds in a file, one line each, as `tools/goldens_hdf5.py` lists what h5py finds.
enum Listing {
  static func lines(_ reader: HDF5Reader) -> [String] {
    var lines: [String] = []
    for group in reader.contents.groups {
      lines.append("group \(group.path)")
      lines += group.attributes.map { line($0, of: group.path) }
    }
    for type in reader.contents.namedDatatypes {
      lines.append("type \(type.path): \(type.datatype)")
      lines += type.attributes.map { line($0, of: type.path) }
    }
    for dataset in reader.contents.datasets {
      lines.append("dataset \(dataset.path): \(dataset.datatype) " + values(dataset, reader))
      lines += dataset.attributes.map { line($0, of: dataset.path) }
    }
    lines += reader.contents.refusals.map { "refused \($0.path): \($0.reason)" }
    return lines.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  static func crc32(_ text: String) -> UInt32 { ByteRegion(Array(text.utf8)).crc32() }

  private static func values(_ dataset: HDF5Contents.Dataset, _ reader: HDF5Reader) -> String {
    do throws(HDF5Fault) {
      let elements = try reader.values(of: dataset)
      return content(elements, dataset.datatype, dataset.isNull ? nil : dataset.shape)
    } catch {
      return "\(error)"
    }
  }

  private static func line(_ attribute: HDF5Attribute, of path: String) -> String {
    guard let type = attribute.datatype else { return "attribute \(path)@\(attribute.name) has no type" }
    let elements: [HDF5Element] =
      switch attribute.value {
      case .text(let text): [.text(text)]
      case .texts(let texts): texts.map { .text($0) }
      case .integer(let value): [.integer(value)]
      case .integers(let values): values.map { .integer($0) }
      case .checksum(let value): [.integer(Int64(value))]
      case .real(let value): [.real(value)]
      case .reals(let values): values.map { .real($0) }
      case .floats(let values): values.map { .real(Double($0)) }
      case .elements(let elements): elements
      case .other: []
      }
    return "attribute \(path)@\(attribute.name): \(type) " + content(elements, type, attribute.shape)
  }

  /// The shape, and the CRC-32 of the elements' text.
  static func content(_ elements: [HDF5Element], _ type: Datatype, _ shape: [Int]?) -> String {
    var written = ""
    for element in elements { canonical(element, type, &written) }
    let hex = String(crc32(written), radix: 16)
    return (shape.map { "\($0)" } ?? "null") + " " + String(repeating: "0", count: 8 - hex.count) + hex
  }

  private static func canonical(_ element: HDF5Element, _ type: Datatype, _ written: inout String) {
    switch (element, type) {
    case (.integer(let value), _): written += "i\(value);"
    case (.unsigned(let value), _): written += "i\(value);"
    case (.real(let value), _): written += real(value)
    case (.complex(let real, let imaginary), _): written += "c" + self.real(real) + self.real(imaginary)
    case (.text(let text), _): written += "s\(text.utf8.count):\(text);"
    case (.bytes(let bytes), .reference): written += bytes.allSatisfy { $0 == 0 } ? "r0;" : "r1;"
    case (.bytes(let bytes), _): written += "b\(bytes.count):" + bytes.map(hex).joined() + ";"
    case (.compound(let values), .compound(_, let members)):
      written += "("
      for (value, member) in zip(values, members) { canonical(value, member.type, &written) }
      written += ")"
    case (.array(let values), .array(let base, _, _)), (.array(let values), .variableLength(let base, _)):
      written += "["
      for value in values { canonical(value, base, &written) }
      written += "]"
    default: written += "?"
    }
  }

  private static func real(_ value: Double) -> String {
    value.isNaN ? "fnan;" : "f\(String(value.bitPattern, radix: 16));"
  }

  private static func hex(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}
