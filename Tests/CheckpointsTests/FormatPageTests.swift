import AviaryArchives
import AviaryHDF5
import AviaryTensors
import Foundation
import Testing

@testable import AviaryCheckpoints

/// `Weights/FORMAT.md` is the specification: its example is what the code writes, as `h5dump` prints it.
@Suite struct FormatPageTests {
  static let page: String = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return (try? String(contentsOf: root.appending(path: "Weights/FORMAT.md"), encoding: .utf8)) ?? ""
  }()

  /// The checkpoint of the example.
  static func example() -> Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.metadata.architecture = "mlp"
    checkpoint.metadata.classes = ["cat", "dog"]
    checkpoint.metadata.settings = ["bn.epsilon": 1e-5]
    checkpoint.set(StoredArray([1, 0.5, -2, 4] as [Float], shape: [2, 2]), at: "bn.weight")
    checkpoint.set(StoredArray([Int64(7)], shape: []), at: "bn.num_batches_tracked")
    return checkpoint
  }

  @Test func theExampleIsWhatIsWritten() throws {
    try Fixtures.inFolder { folder in
      let path = folder + "/example.h5"
      try Self.example().write(to: path)
      if let copy = ProcessInfo.processInfo.environment["AVIARY_WRITE_EXAMPLE"] {
        try FileManager.default.copyItem(atPath: path, toPath: copy)
      }
      let reader = try HDF5Reader(path: path)
      var dump = Dump(reader)
      #expect(!Self.page.isEmpty)
      #expect(Self.page.contains(try dump.text(of: "example.h5")))
    }
  }

  /// Every name that the code writes stands in the page.
  @Test func everyNameIsExplained() throws {
    var checkpoint = Self.example()
    checkpoint.metadata.configuration = .object([])
    checkpoint.metadata.preprocessing = .object([])
    checkpoint.metadata.metrics = ["accuracy": 0.5]
    checkpoint.metadata.licence = "CC0-1.0"
    checkpoint.metadata.provenance = "somewhere"
    checkpoint.metadata.frozen = ["bn"]
    checkpoint.metadata.extra = ["note": "x"]
    let quantization = Quantization(scales: [1], inputScale: 1, inputIsSigned: true)
    checkpoint.set(try #require(StoredArray(quantized: [1], shape: [1], quantization)), at: "fc.weight")
    checkpoint.trainingState = .init(
      optimizer: ["bn.weight": .init(step: 3, arrays: ["momentum": StoredArray([1] as [Float], shape: [1])])],
      averages: ["bn.weight": StoredArray([1] as [Float], shape: [1])], state: .object([]))
    try Fixtures.inFolder { folder in
      try checkpoint.write(to: folder + "/x.h5")
      let contents = try HDF5Reader(path: folder + "/x.h5").contents
      let attributes = contents.groups.filter { $0.path != "extra" }.flatMap(\.attributes)
      for name in attributes.map(\.name) + contents.datasets.flatMap(\.attributes).map(\.name) {
        #expect(Self.page.contains("`\(name)`"), "attribute \(name)")
      }
      for group in ["/extra", "/model", "/optimizer", "/training"] { #expect(Self.page.contains("`\(group)")) }
    }
  }
}

/// What `h5dump -g /model` prints, for the little that the example holds.
private struct Dump {
  private let reader: HDF5Reader
  private var lines: [String] = []

  init(_ reader: HDF5Reader) { self.reader = reader }

  mutating func text(of name: String) throws -> String {
    lines = ["HDF5 \"\(name)\" {"]
    try group("model", named: "/model", "")
    return (lines + ["}"]).joined(separator: "\n")
  }

  private mutating func group(_ path: String, named name: String, _ indent: String) throws {
    lines.append("\(indent)GROUP \"\(name)\" {")
    let inner = indent + "   "
    for attribute in (reader.contents.attributes(ofGroup: path) ?? []).sorted(by: { $0.name < $1.name }) {
      self.attribute(attribute, inner)
    }
    let prefix = path.isEmpty ? "" : path + "/"
    let paths = reader.contents.groups.map(\.path) + reader.contents.datasets.map(\.path)
    let children = paths.filter { $0.hasPrefix(prefix) && $0 != path && !$0.dropFirst(prefix.count).contains("/") }
    for child in children.sorted() {
      let name = String(child.dropFirst(prefix.count))
      if let dataset = reader.contents.datasets.first(where: { $0.path == child }) {
        try self.dataset(dataset, named: name, inner)
      } else {
        try group(child, named: name, inner)
      }
    }
    lines.append("\(indent)}")
  }

  private mutating func attribute(_ attribute: HDF5Attribute, _ indent: String) {
    lines.append("\(indent)ATTRIBUTE \"\(attribute.name)\" {")
    let inner = indent + "   "
    let value: String
    switch attribute.value {
    case .text(let text):
      lines += [
        "\(inner)DATATYPE  H5T_STRING {", "\(inner)   STRSIZE H5T_VARIABLE;", "\(inner)   STRPAD H5T_STR_NULLTERM;",
        "\(inner)   CSET H5T_CSET_UTF8;", "\(inner)   CTYPE H5T_C_S1;", "\(inner)}",
      ]
      value = "\"\(text)\""
    case .real(let number):
      lines.append("\(inner)DATATYPE  H5T_IEEE_F64LE")
      value = "\(number)"
    case .integer(let number):
      lines.append("\(inner)DATATYPE  \(attribute.name == "crc32c" ? "H5T_STD_U32LE" : "H5T_STD_I64LE")")
      value = "\(number)"
    default: value = "?"
    }
    lines += ["\(inner)DATASPACE  SCALAR", "\(inner)DATA {", "\(inner)(0): \(value)", "\(inner)}", "\(indent)}"]
  }

  private mutating func dataset(_ dataset: HDF5Contents.Dataset, named name: String, _ indent: String) throws {
    lines.append("\(indent)DATASET \"\(name)\" {")
    let inner = indent + "   "
    let bytes = try reader.bytes(of: dataset)
    if dataset.shape.isEmpty {
      let values = bytes.mapValues(of: Int64.self) { "\($0)" }
      lines += [
        "\(inner)DATATYPE  H5T_STD_I64LE", "\(inner)DATASPACE  SCALAR", "\(inner)DATA {", "\(inner)(0): \(values[0])",
      ]
    } else {
      let shape = dataset.shape.map(String.init).joined(separator: ", ")
      lines += [
        "\(inner)DATATYPE  H5T_IEEE_F32LE", "\(inner)DATASPACE  SIMPLE { ( \(shape) ) / ( \(shape) ) }",
        "\(inner)DATA {",
      ]
      let values = bytes.mapValues(of: Float.self) { $0 == $0.rounded() ? "\(Int($0))" : "\($0)" }
      let width = dataset.shape[1]
      for row in 0..<dataset.shape[0] {
        let row = (row, values[row * width..<(row + 1) * width].joined(separator: ", "))
        lines.append("\(inner)(\(row.0),0): \(row.1)" + (row.0 + 1 < dataset.shape[0] ? "," : ""))
      }
    }
    lines.append("\(inner)}")
    for attribute in dataset.attributes.sorted(by: { $0.name < $1.name }) { self.attribute(attribute, inner) }
    lines.append("\(indent)}")
  }
}
