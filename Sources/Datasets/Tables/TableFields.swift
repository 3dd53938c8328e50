import AviaryDiagnostics

/// The fields of a table's file, column by column, before anybody has asked what they mean.
struct TableFields {
  private(set) var names: [String] = []
  /// Of each column, one field a row; empty where a row has none.
  private(set) var texts: [[String]] = []
  /// The numbers of the rows in the file.
  private(set) var rows: [Int] = []
  /// The character between the fields, if it is not a comma.
  private(set) var separator: Character?
  /// How the separator was found, where that is worth a line.
  private(set) var separatorRemark: String?
  /// Whether the names are those of a first row.
  private(set) var hasHeader = false
  /// Of each column, whether its fields are JSON's own numbers, whose decimal mark is a point; never of texts.
  private(set) var areJSONNumbers: [Bool] = []
  /// Of each column, whether its fields are lists of JSON, as far as they are there.
  private(set) var areLists: [Bool] = []
  /// How the file was read, and what was left out, a line each.
  private(set) var remarks: [String] = []

  /// - Parameter path: its ending says what the bytes are; those of an unknown one are read as CSV.
  init(_ given: [UInt8], path: String, _ limits: CSVLimits) throws(TableFault) {
    let (bytes, encoding) = TextEncoding.utf8(given)
    if encoding != .utf8 { remarks.append("the file is in \(encoding.rawValue), and is read so") }
    switch TableFormat(path: path) {
    case .json: try readObjects(JSONTableReader(bytes, path: path, columns: limits.columns), path, limits)
    case .tsv: try readFields(CSVReader(bytes, path: path, separator: UInt8(ascii: "\t")), path, limits)
    case .csv, nil: try readFields(CSVReader(bytes, path: path), path, limits)
    }
    guard !rows.isEmpty else { throw .noRows(path: path) }
  }

  // MARK: A header and rows

  private mutating func readFields(
    _ given: CSVReader, _ path: String, _ limits: CSVLimits
  ) throws(TableFault) {
    var reader = given
    guard let header = try reader.next() else { throw .noHeader(path: path) }
    names = try Self.checked(header.fields, path, limits)
    hasHeader = true
    reader.names = names
    texts = Array(repeating: [], count: names.count)
    areJSONNumbers = Array(repeating: false, count: names.count)
    areLists = areJSONNumbers
    while let record = try reader.next() {
      guard record.fields.count == names.count else {
        throw .ragged(path: path, row: record.row, fields: record.fields.count, expected: names.count)
      }
      rows.append(record.row)
      try checkSize(path, limits)
      for (column, field) in record.fields.enumerated() { texts[column].append(field) }
    }
    separator = TableFormat(path: path) == .tsv && !reader.namesSeparator ? nil : reader.separator
    separatorRemark = reader.separatorRemark(isExpected: TableFormat(path: path) == .tsv)
    try leaveOutUnnamed(path)
  }

  /// Leaves out columns without a name that say nothing: one that numbers the rows, as pandas writes it, and empty ones, as
  /// separators at the ends of lines make them.
  private mutating func leaveOutUnnamed(_ path: String) throws(TableFault) {
    for position in names.indices.reversed() where names[position].isEmpty {
      let fields = texts[position].map(trimmed)
      let isEmpty = fields.allSatisfy(\.isEmpty)
      guard names.count > 1, isEmpty || position == 0 && Self.areNumbersOfRows(fields) else {
        throw .unnamedColumn(path: path, position: position + 1)
      }
      remarks.insert(
        "column \(position + 1) has no name and \(isEmpty ? "no values" : "numbers the rows"): it is left out", at: 0)
      names.remove(at: position)
      texts.remove(at: position)
      areJSONNumbers.remove(at: position)
      areLists.remove(at: position)
    }
  }

  /// Whether each field is another whole number.
  private static func areNumbersOfRows(_ fields: [String]) -> Bool {
    fields.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } } && fields.areDistinct
  }

  private static func checked(
    _ names: [String], _ path: String, _ limits: CSVLimits
  ) throws(TableFault) -> [String] {
    guard names.count <= limits.columns else {
      throw .tooLarge(path: path, what: "columns", count: names.count, limit: limits.columns)
    }
    var known: Set<ExactText> = []
    let names = names.map(trimmed)
    if HeaderNames.areData(names) { throw .numbersAsNames(path: path, names: names) }
    for name in names where !name.isEmpty {
      if !known.insert(ExactText(name)).inserted { throw .duplicateColumn(path: path, name: name) }
    }
    return names
  }

  // MARK: Objects

  /// Columns are in the order in which they first appear.
  private mutating func readObjects(
    _ given: JSONTableReader, _ path: String, _ limits: CSVLimits
  ) throws(TableFault) {
    var reader = given
    var places: [ExactText: Int] = [:]
    while let record = try reader.next() {
      for field in record.fields {
        let key = ExactText(field.name)
        let place: Int
        if let known = places[key] {
          place = known
        } else {
          place = names.count
          places[key] = place
          names.append(field.name)
          guard names.count <= limits.columns else {
            throw .tooLarge(path: path, what: "columns", count: names.count, limit: limits.columns)
          }
          try checkSize(path, limits, rows: rows.count + 1)
          texts.append(Array(repeating: "", count: rows.count))
          areJSONNumbers.append(true)
          areLists.append(true)
        }
        texts[place].append(field.text)
        if field.kind == .text { areJSONNumbers[place] = false }
        if field.kind != .list, field.kind != .other || !field.text.isEmpty { areLists[place] = false }
      }
      rows.append(record.row)
      try checkSize(path, limits)
      for place in texts.indices where texts[place].count < rows.count { texts[place].append("") }
    }
    if names.isEmpty, !rows.isEmpty { throw .noHeader(path: path) }
    // A column of missing values alone has no list.
    for place in texts.indices where texts[place].allSatisfy(\.isEmpty) { areLists[place] = false }
  }

  private func checkSize(_ path: String, _ limits: CSVLimits, rows count: Int? = nil) throws(TableFault) {
    let cells = (count ?? rows.count) * names.count
    guard cells <= limits.cells else {
      throw .tooLarge(path: path, what: "cells", count: cells, limit: limits.cells)
    }
  }
}
