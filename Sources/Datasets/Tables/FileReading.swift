import AviaryDiagnostics

/// The columns of a file. One program has written all of them, so where a field shows which decimal mark the file has, numbers
/// that could be read either way are read by it.
struct FileReading {
  private(set) var columns: [Table.Column] = []
  /// What a person should know of the file as a whole, a line each.
  private(set) var remarks: [String] = []

  /// - Parameter known: what columns mean, where that is known before.
  init(_ fields: TableFields, _ known: [ExactText: ColumnReading], path: String) throws(TableFault) {
    var readings = fields.names.map { known[ExactText($0)] ?? ColumnReading() }
    // JSON has one way to write numbers, whatever the file has been that a network was trained on.
    for place in readings.indices where fields.areJSONNumbers[place] { readings[place].spelling = nil }
    var results: [ColumnReading.Result] = []
    for (place, name) in fields.names.enumerated() {
      results.append(try readings[place].read(fields.texts[place], name: name, rows: fields.rows, path: path))
    }
    let hasCommas = zip(results, readings).contains { Self.hasCommas($0.spelling) || Self.hasCommas($1.spelling) }
    // A semicolon divides fields where a comma is the decimal mark: there, a point may well stand between thousands.
    let isDoubtful = fields.separator == ";"
    // Most files have neither, and all that follows is about those that have.
    if hasCommas || isDoubtful {
      let evidence = results.indices.map { place in
        results[place].values.kind == .numeric && !fields.areJSONNumbers[place]
          ? DecimalEvidence(fields.texts[place]) : .none
      }
      let reason: String?
      (reason, remarks) = Self.decimalComma(evidence, readings, fields.names)
      for (place, name) in fields.names.enumerated() {
        guard let reason, evidence[place] == .ambiguous, readings[place].spelling == nil else { continue }
        readings[place].commaReason = reason
        results[place] = try readings[place].read(fields.texts[place], name: name, rows: fields.rows, path: path)
      }
      if isDoubtful, evidence.allSatisfy({ $0 == .none || $0 == .ambiguous }) {
        for place in results.indices where evidence[place] == .ambiguous {
          if let remark = Self.doubtfulPoints(fields.texts[place], results[place]) {
            results[place].remarks.append(remark)
          }
        }
      }
    }
    columns = fields.names.indices.map { place in
      Table.Column(fields.names[place], results[place], holdsLists: fields.areLists[place])
    }
    remarks += fields.remarks
    if fields.hasHeader, let remark = HeaderNames.remark(fields.names) { remarks.append(remark) }
  }

  /// What to say of a column each of whose points stands before three digits and was taken for a decimal point.
  private static func doubtfulPoints(_ texts: [String], _ result: ColumnReading.Result) -> String? {
    guard (result.spelling ?? .plain).decimal == ".",
      let example = texts.first(where: { $0.utf8.contains(UInt8(ascii: ".")) && !ColumnReading.isMissing(trimmed($0)) })
    else { return nil }
    return
      "is read as numbers with a decimal point, such as '\(trimmed(example))', though semicolons separate the fields; "
      + "if the points stand between thousands, remove them"
  }

  private static func hasCommas(_ spelling: NumberSpelling?) -> Bool {
    spelling.map { $0.decimal == "," || $0.group == "," } ?? false
  }

  /// Why the file's decimal mark is a comma, nil where that is not known; and a line where its columns have two marks.
  private static func decimalComma(
    _ evidence: [DecimalEvidence], _ readings: [ColumnReading], _ names: [String]
  ) -> (reason: String?, remarks: [String]) {
    func proof(of decimal: String) -> String? {
      for (name, found) in zip(names, evidence) {
        if case .proven(decimal, let example) = found { return "\(name) ('\(example.prefix(40))')" }
      }
      return nil
    }
    let point = proof(of: ".")
    if let comma = proof(of: ",") {
      guard let point else { return ("column \(comma) has a decimal comma", []) }
      let marks = "column \(comma) has a decimal comma, and column \(point) a decimal point"
      return (nil, [marks + ": each column is read by its own fields"])
    }
    guard point == nil, let place = readings.firstIndex(where: { $0.spelling?.decimal == "," }) else {
      return (nil, [])
    }
    return ("column \(names[place]) had a decimal comma in training", [])
  }
}

/// What the fields of a column of numbers say about the decimal mark.
enum DecimalEvidence: Equatable {
  /// No field has a point or a comma.
  case none
  /// Each point or comma stands before three digits: it separates a fraction or thousands.
  case ambiguous
  /// A field is a number with this decimal mark alone.
  case proven(String, example: String)

  /// - Parameter texts: fields that are numbers, or stand for a missing one.
  init(_ texts: [String]) {
    self = .none
    for text in texts {
      let found = Self(text: text)
      if found == .none || ColumnReading.isMissing(trimmed(text)) { continue }
      self = found
      if found != .ambiguous { return }
    }
  }

  private init(text: String) {
    var (points, commas, before, after) = (0, 0, 0, 0)
    var (startsWithZero, hasExponent, endsInComma) = (false, false, false)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        if points + commas == 0 {
          if before == 0 { startsWithZero = byte == UInt8(ascii: "0") }
          before += 1
        }
        after += 1
      case UInt8(ascii: "."): (points, after, endsInComma) = (points + 1, 0, false)
      case UInt8(ascii: ","): (commas, after, endsInComma) = (commas + 1, 0, true)
      case UInt8(ascii: "e"), UInt8(ascii: "E"): hasExponent = true
      default: break
      }
    }
    switch (points, commas) {
    case (0, 0): self = .none
    case (1, 0), (0, 1):
      // "1.234" may be either; "0.123", "1234.567", "1.2" and "1.234e5" are fractions.
      let mayBeGroup = after == 3 && !hasExponent && (1...3).contains(before) && !startsWithZero
      self = mayBeGroup ? .ambiguous : .proven(endsInComma ? "," : ".", example: trimmed(text))
    // "1.234.567": what stands there twice is between thousands.
    case (_, 0): self = .proven(",", example: trimmed(text))
    case (0, _): self = .proven(".", example: trimmed(text))
    default: self = .proven(endsInComma ? "," : ".", example: trimmed(text))
    }
  }
}

/// Whether the first row of a file, which is to name the columns, is a row of data like the others: that row would be lost.
enum HeaderNames {
  /// Whether all names are numbers, or missing, that do not count or number the columns: 0, 1, 2; 1990, 2000, 2010.
  static func areData(_ given: [String]) -> Bool {
    let names = given.filter { !$0.isEmpty }
    guard !names.isEmpty, names.allSatisfy({ number($0) != nil }) else { return false }
    let whole = names.compactMap { $0.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int($0) : nil }
    guard whole.count == names.count else { return true }
    if whole.count == 1 { return whole[0] > 1 }
    let step = whole[1] - whole[0]
    let isSeries = zip(whole, whole.dropFirst()).allSatisfy { $1 - $0 == step }
    return !(isSeries && (step == 1 || step > 0 && whole.count > 2))
  }

  /// What to say of names of which some are numbers that no person calls a column: 5.1, −3.
  static func remark(_ names: [String]) -> String? {
    let odd = names.filter { name in
      number(name) != nil && !name.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
    guard !odd.isEmpty else { return nil }
    return
      "the first row, which names the columns, holds numbers (\(odd.prefix(3).joined(separator: ", "))): if it is a row "
      + "of data, it is lost; add a row of names above it"
  }

  private static func number(_ name: String) -> Double? {
    ColumnReading.isDecimal(name)
      ? Double(name) : NumberSpelling(decimal: ",").plain(NumberSpelling.Body(name)).flatMap { Double($0) }
  }
}
