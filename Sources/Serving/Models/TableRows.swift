import Aviary
import AviaryDiagnostics

/// Rows of a table as requests have them: JSON objects whose members are called as the columns. As in tables of JSON, a member
/// that is an object itself has its members as columns: `size.width`.
struct TableRows {
  let rows: [JSONValue]

  /// One row, a list of rows, or either as the member `instances` (KServe) or `rows`.
  init(_ value: JSONValue, limit: Int) throws(ServingFault) {
    let given = try value.onlyList(of: ["instances", "rows"]) ?? value.elements ?? [value]
    guard !given.isEmpty, given.allSatisfy({ $0.members != nil }) else {
      throw .malformed("give a row as an object, {\"COLUMN\": value, …}, or a list of such rows")
    }
    guard given.count <= limit else {
      throw .unsuited("\(given.count) rows are more than the \(limit) that are taken at once")
    }
    var rows: [JSONValue] = []
    for (place, row) in given.enumerated() { rows.append(.object(try Self.columns(of: row, place))) }
    self.rows = rows
  }

  /// The members of a row, those of objects in it under the names of both.
  private static func columns(of row: JSONValue, _ place: Int) throws(ServingFault) -> [JSONValue.Member] {
    let members = row.members ?? []
    guard members.contains(where: { $0.value.members != nil }) else { return members }
    var columns: [JSONValue.Member] = []
    var names = ExactSet()
    func add(_ members: [JSONValue.Member], _ prefix: String) throws(ServingFault) {
      for member in members {
        let name = prefix + member.name
        guard name.utf8.count <= nameLimit else {
          throw .malformed("row \(place) has a column whose name is longer than \(nameLimit) bytes")
        }
        if let inner = member.value.members {
          try add(inner, name + ".")
        } else {
          guard names.insert(name) else { throw .malformed("row \(place) has two values for '\(name.prefix(40))'") }
          columns.append(.init(name, member.value))
        }
      }
    }
    try add(members, "")
    return columns
  }

  /// The most bytes of a column's name: names of nested objects add up.
  private static let nameLimit = 4096

  /// What the network gets of the rows. A row without a value that the network needs is not among `TableFeatures.rows`.
  func features(for preprocessing: TablePreprocessing) throws(ServingFault) -> TableFeatures {
    var columns: [Table.Column] = []
    let spellings = Dictionary(
      (preprocessing.numeric + (preprocessing.binned ?? [])).map { (ExactText($0.name), $0.spelling) },
      uniquingKeysWith: { first, _ in first })
    for name in preprocessing.numberNames {
      let spelling = spellings[ExactText(name)] ?? nil
      var values: [Double?] = []
      for (place, row) in rows.enumerated() {
        values.append(try Self.number(try Self.value(row, name, place), name, spelling, place))
      }
      columns.append(Table.Column(name, .numeric(values)))
    }
    let words =
      preprocessing.categorical.map { ($0.name, $0.categories) } + (preprocessing.dates ?? []).map { ($0.name, []) }
    for (name, categories) in words {
      var values: [String?] = []
      for (place, row) in rows.enumerated() {
        values.append(try Self.word(try Self.value(row, name, place), name, categories, place))
      }
      columns.append(Table.Column(name, .categorical(values)))
    }
    do throws(TableFault) {
      return try preprocessing.features(of: Table(columns, path: "the request"))
    } catch {
      throw .unsuited("\(error)")
    }
  }

  /// The most notes of an answer; further ones are counted.
  private static let mostNotes = 20

  /// What a person should know: words that training has not seen, and columns that the network does not know.
  func notes(on features: TableFeatures, for preprocessing: TablePreprocessing) -> [String] {
    let known = ExactSet(preprocessing.columnNames + [preprocessing.target.name] + preprocessing.settings.excluded)
    var others = ExactSet()
    var names: [String] = []
    for name in rows.lazy.flatMap({ $0.members ?? [] }).map(\.name) where !known.contains(name) {
      if others.insert(name) { names.append(name) }
    }
    let notes =
      features.remarks + names.map { "column \($0): the network does not know it, and it is not used" }
    let more = notes.count - Self.mostNotes
    return notes.prefix(Self.mostNotes).map { String($0.prefix(300)) } + (more > 0 ? ["and \(more) more notes"] : [])
  }

  private static func value(_ row: JSONValue, _ column: String, _ place: Int) throws(ServingFault) -> JSONValue {
    if let value = row[column] { return value }
    let near = nearestName(to: column, among: row.members?.map(\.name) ?? [])
    throw .malformed(
      "row \(place) has no '\(column)'; give null where it is not known"
        + (near.map { ", or did you mean '\($0)'?" } ?? ""))
  }

  /// - Parameter spelling: how texts with numbers were written in training; nil for decimal notation.
  private static func number(
    _ value: JSONValue, _ column: String, _ spelling: NumberSpelling?, _ place: Int
  ) throws(ServingFault) -> Double? {
    switch value {
    case .null: return nil
    case .number(let digits): if let number = Double(digits), number.isFinite { return number }
    case .text(let text):
      let word = trimmed(text)
      if Table.missingMarkers.contains(word) { return nil }
      if let number = (spelling ?? .plain).number(word), number.isFinite { return number }
    case .boolean, .array, .object: break
    }
    throw .malformed("row \(place): '\(column)' is \(value.serialized.prefix(60)), and a finite number is expected")
  }

  private static func word(
    _ value: JSONValue, _ column: String, _ categories: [String], _ place: Int
  ) throws(ServingFault) -> String? {
    switch value {
    case .null: return nil
    case .text(let text):
      let isKnown = categories.contains { $0.isExactly(text) }
      return Table.missingMarkers.contains(trimmed(text)) && !isKnown ? nil : text
    case .number(let digits): return digits
    case .boolean(let value):
      // As Python and others write it.
      let words = value ? ["true", "True", "TRUE"] : ["false", "False", "FALSE"]
      return words.first { word in categories.contains { $0.isExactly(word) } } ?? words[0]
    case .array, .object:
      throw .malformed("row \(place): '\(column)' is \(value.serialized.prefix(60)), and a text is expected")
    }
  }
}

extension JSONValue {
  /// The list that is wrapped in an object as a member of one of these names; nil where there is none.
  ///
  /// What stands beside it would be taken for obeyed, and is refused, but for the name by which TensorFlow's clients call a
  /// signature.
  func onlyList(of names: [String]) throws(ServingFault) -> [JSONValue]? {
    guard let name = names.first(where: { self[$0]?.elements != nil }), let members else { return nil }
    let known = [name, "signature_name"]
    if let other = members.first(where: { member in !known.contains { member.name.isExactly($0) } }) {
      throw .malformed("'\(other.name.prefix(40))' stands beside '\(name)', and is not known there; leave it out")
    }
    return self[name]?.elements
  }
}
