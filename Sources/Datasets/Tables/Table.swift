import AviaryArchives
import AviaryDiagnostics

/// Rows and named columns, as a CSV file with a header has them. A column holds numbers or words.
public struct Table: Sendable, Equatable {
  /// What a column holds.
  public enum Kind: String, Codable, CaseIterable, Sendable {
    case numeric
    /// Words, each a category.
    case categorical
  }

  /// The fields of a column, one a row; nil where one is missing.
  public enum Values: Sendable, Equatable {
    case numeric([Double?])
    case categorical([String?])

    public var kind: Kind {
      if case .numeric = self { .numeric } else { .categorical }
    }

    public var count: Int {
      switch self {
      case .numeric(let values): values.count
      case .categorical(let values): values.count
      }
    }

    /// Whether the field of a row is missing.
    func isMissing(_ row: Int) -> Bool {
      switch self {
      case .numeric(let values): values[row] == nil
      case .categorical(let values): values[row] == nil
      }
    }
  }

  public struct Column: Sendable, Equatable {
    public let name: String
    public let values: Values

    public init(_ name: String, _ values: Values) {
      self.name = name
      self.values = values
    }
  }

  /// The file's path, for messages.
  public let path: String
  public let columns: [Column]
  /// The number of each row in the file, whose header is row 1.
  public let rowNumbers: [Int]

  public var rowCount: Int { rowNumbers.count }
  public var names: [String] { columns.map(\.name) }

  /// A table of columns that have equally many values and names of their own.
  public init(_ columns: [Column], path: String = "table") {
    let rows = columns.first?.values.count ?? 0
    ensure(
      columns.allSatisfy { $0.values.count == rows } && Set(columns.map(\.name)).count == columns.count,
      "Table: columns of different lengths, or two of one name: \(columns.map { ($0.name, $0.values.count) })")
    self.path = path
    self.columns = columns
    rowNumbers = Array(2..<rows + 2)
  }

  public subscript(name: String) -> Column? { columns.first { $0.name == name } }

  /// The column of a name, or a fault that says which there are.
  func column(_ name: String) throws(TableFault) -> Column {
    guard let column = self[name] else { throw .noColumn(path: path, name: name, columns: names) }
    return column
  }

  // MARK: Reading CSV

  /// Fields that stand for a missing value: those of pandas.
  public static let missingMarkers: Set<String> = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None",
    "n/a", "nan", "null",
  ]

  /// Reads a CSV file with a header (RFC 4180, UTF-8).
  ///
  /// A column is numeric where every field that is not missing is a number in decimal notation.
  /// - Parameter kinds: what columns hold, where that is not to be inferred: a postcode is categorical.
  public init(
    csv path: String, kinds: [String: Kind] = [:], limits: CSVLimits = CSVLimits()
  ) throws(TableFault) {
    try self.init(csv: Self.bytes(of: path, limits), path: path, kinds: kinds, limits: limits)
  }

  /// The same from bytes in memory.
  public init(
    csv bytes: [UInt8], path: String, kinds: [String: Kind] = [:], limits: CSVLimits = CSVLimits()
  ) throws(TableFault) {
    try self.init(bytes: bytes, path: path, limits: limits) { (names) throws(TableFault) in
      if let unknown = kinds.keys.sorted().first(where: { !names.contains($0) }) {
        throw .noColumn(path: path, name: unknown, columns: names)
      }
      return kinds
    }
  }

  /// Reads a file whose columns hold what they held in training, whatever these rows look like. Columns that training
  /// did not use are not looked at; whether one is absent shows when the table is used.
  public init(
    csv path: String, for preprocessing: TablePreprocessing, limits: CSVLimits = CSVLimits()
  ) throws(TableFault) {
    let kinds = preprocessing.kinds
    try self.init(bytes: Self.bytes(of: path, limits), path: path, limits: limits) { (_) throws(TableFault) in kinds }
  }

  /// Reads a file whose columns to predict from hold what they held in training; what the target is, these rows say.
  public init(
    csv path: String, forFeaturesOf preprocessing: TablePreprocessing, limits: CSVLimits = CSVLimits()
  ) throws(TableFault) {
    let kinds = preprocessing.featureKinds
    try self.init(bytes: Self.bytes(of: path, limits), path: path, limits: limits) { (_) throws(TableFault) in kinds }
  }

  private static func bytes(of path: String, _ limits: CSVLimits) throws(TableFault) -> [UInt8] {
    let file: MappedFile
    do throws(ArchiveFault) { file = try MappedFile(path: path) } catch {
      throw .unreadable(reason: error.description)
    }
    guard file.bytes.count <= limits.bytes else {
      throw .tooLarge(path: path, what: "bytes", count: file.bytes.count, limit: limits.bytes)
    }
    return file.bytes.array()
  }

  private init(
    bytes: [UInt8], path: String, limits: CSVLimits, kinds: ([String]) throws(TableFault) -> [String: Kind]
  ) throws(TableFault) {
    var reader = CSVReader(bytes, path: path)
    guard let header = try reader.next() else { throw .noHeader(path: path) }
    let names = try Self.checked(header.fields, path, limits)
    reader.names = names
    let kinds = try kinds(names)
    var texts = Array(repeating: [String](), count: names.count)
    var rows: [Int] = []
    while let record = try reader.next() {
      guard record.fields.count == names.count else {
        throw .ragged(path: path, row: record.row, fields: record.fields.count, expected: names.count)
      }
      rows.append(record.row)
      guard rows.count * names.count <= limits.cells else {
        throw .tooLarge(path: path, what: "cells", count: rows.count * names.count, limit: limits.cells)
      }
      for (column, field) in record.fields.enumerated() { texts[column].append(field) }
    }
    guard !rows.isEmpty else { throw .noRows(path: path) }
    var columns: [Column] = []
    for (name, texts) in zip(names, texts) {
      columns.append(Column(name, try Self.values(texts, kinds[name], name, rows, path)))
    }
    self.path = path
    self.columns = columns
    rowNumbers = rows
  }

  private static func checked(
    _ names: [String], _ path: String, _ limits: CSVLimits
  ) throws(TableFault) -> [String] {
    guard names.count <= limits.columns else {
      throw .tooLarge(path: path, what: "columns", count: names.count, limit: limits.columns)
    }
    var known: Set<String> = []
    let names = names.map(trimmed)
    for (position, name) in names.enumerated() {
      if name.isEmpty { throw .unnamedColumn(path: path, position: position + 1) }
      if !known.insert(name).inserted { throw .duplicateColumn(path: path, name: name) }
    }
    return names
  }

  private static func values(
    _ texts: [String], _ kind: Kind?, _ name: String, _ rows: [Int], _ path: String
  ) throws(TableFault) -> Values {
    if kind == .categorical { return .categorical(texts.map { missingMarkers.contains(trimmed($0)) ? nil : $0 }) }
    var numbers: [Double?] = []
    numbers.reserveCapacity(texts.count)
    var infinite: Int?
    for (index, text) in texts.enumerated() {
      switch Field(text) {
      case .missing: numbers.append(nil)
      case .number(let number): numbers.append(number)
      case .notFinite:
        infinite = infinite ?? index
        numbers.append(nil)
      case .text:
        guard kind == nil else { throw .notANumber(path: path, row: rows[index], column: name, text: text) }
        return .categorical(texts.map { missingMarkers.contains(trimmed($0)) ? nil : $0 })
      }
    }
    // Only where all the rest are numbers is it one: 'inf' among words is a word.
    if let infinite { throw .notFinite(path: path, row: rows[infinite], column: name, text: texts[infinite]) }
    return .numeric(numbers)
  }

  /// What the text of a field means.
  private enum Field {
    case missing, notFinite, text
    case number(Double)

    init(_ text: String) {
      let word = trimmed(text)
      if missingMarkers.contains(word) {
        self = .missing
        return
      }
      switch word.lowercased() {
      case "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity":
        self = .notFinite
        return
      default: break
      }
      // Decimal notation alone: Swift would also take hexadecimal.
      let isDecimal = word.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
          UInt8(ascii: "e"), UInt8(ascii: "E"):
          true
        default: false
        }
      }
      guard isDecimal, let number = Double(word) else {
        self = .text
        return
      }
      self = number.isFinite ? .number(number) : .notFinite
    }
  }
}

/// Without the spaces and tabs around it.
private func trimmed(_ text: String) -> String {
  let isBlank = { (character: Character) in character == " " || character == "\t" }
  guard let first = text.first, let last = text.last, isBlank(first) || isBlank(last) else { return text }
  var rest = text.drop(while: isBlank)
  while let last = rest.last, isBlank(last) { rest.removeLast() }
  return String(rest)
}
