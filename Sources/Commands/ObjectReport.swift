import Aviary
import AviaryDiagnostics

/// A dataset of an HDF5 file that is no tensor: its type and shape, its attributes, and its first values.
struct ObjectReport {
  /// The most values that are printed.
  static let count = 20
  /// The most attributes of an object that are printed.
  private static let attributeCount = 20

  private let listed: Checkpoint.ListedObject
  private let attributes: [Checkpoint.ListedAttribute]
  private let values: [JSONValue]

  init(_ listed: Checkpoint.ListedObject, _ attributes: [Checkpoint.ListedAttribute]) throws(CheckpointFault) {
    self.listed = listed
    self.attributes = attributes.filter { $0.path.isExactly(listed.path) }
    values = try listed.values(Self.count)
  }

  var object: JSONValue {
    guard case .object(let members) = Self.described(listed) else { return .null }
    return .object(
      members + [.init("attributes", .array(attributes.map(Self.described))), .init("first_values", .array(values))])
  }

  var lines: [String] {
    ["path: \(listed.path)", "shape: \(listed.shape.map { "\($0)" } ?? "none")", "dtype: \(listed.type)"]
      + Self.lines(attributes) + (values.isEmpty ? [] : ["first values:"] + values.map { "  " + Self.short($0) })
  }

  static func described(_ object: Checkpoint.ListedObject) -> JSONValue {
    .object([
      .init("path", .text(object.path)),
      .init("shape", object.shape.map { .array($0.map { .integer($0) }) } ?? .null), .init("dtype", .text(object.type)),
    ])
  }

  static func described(_ attribute: Checkpoint.ListedAttribute) -> JSONValue {
    .object([
      .init("path", .text(attribute.path)), .init("name", .text(attribute.name)),
      .init("shape", attribute.shape.map { .array($0.map { .integer($0) }) } ?? .null),
      .init("dtype", .text(attribute.type)), .init("value", attribute.value),
    ])
  }

  /// A table of attributes, and how many of each object are not in it.
  static func lines(_ attributes: [Checkpoint.ListedAttribute]) -> [String] {
    if attributes.isEmpty { return [] }
    var rows = [["attribute", "shape", "dtype", "value"]]
    var more: [String] = []
    var known: [ExactText: Int] = [:]
    for attribute in attributes {
      known[ExactText(attribute.path), default: 0] += 1
      guard known[ExactText(attribute.path), default: 0] <= attributeCount else { continue }
      let shape = attribute.shape.map { $0.isEmpty ? "" : "\($0)" } ?? "null"
      rows.append(["\(attribute.path)@\(attribute.name)", shape, short(attribute.type, 60), short(attribute.value)])
    }
    for (path, count) in known.sorted(by: { $0.key.text < $1.key.text }) where count > attributeCount {
      more.append("\(path.text)@…: \(counted(count - attributeCount, "more attribute"))")
    }
    return table(rows) + more
  }

  private static func short(_ value: JSONValue) -> String { short(value.text ?? value.serialized, 80) }

  /// One line of `length` characters at most.
  static func short(_ text: String, _ length: Int) -> String {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    return line.count > length ? line.prefix(length) + " …" : line
  }
}
