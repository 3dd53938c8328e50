import AviaryDiagnostics

/// What a column's fields mean, where that is known before they are read.
struct ColumnReading: Equatable {
  var kind: Table.Kind?
  /// How its numbers are written; nil to find out.
  var spelling: NumberSpelling?
  /// Whether `NA` is a word like the others; nil to find out.
  var readsNA: Bool?
  /// Why the decimal mark is a comma, where other columns say so and this one could be read either way.
  var commaReason: String?

  /// As training has read a column of words.
  static func words(_ known: [String]) -> ColumnReading {
    ColumnReading(kind: .categorical, readsNA: known.holds(Self.na))
  }

  static let na = "NA"

  /// A column as it has been read.
  struct Result {
    var values: Table.Values
    /// The texts of numbers that Double does not tell apart, or whose spelling matters in a name; empty where there are none.
    var texts: [String?] = []
    var spelling: NumberSpelling?
    /// What a person should know, a line each.
    var remarks: [String] = []
  }

  /// - Parameters:
  ///   - texts: the fields.
  ///   - rows: their numbers in the file, for faults.
  func read(_ texts: [String], name: String, rows: [Int], path: String) throws(TableFault) -> Result {
    if kind == .categorical { return words(texts) }
    let mayBePlain = spelling == nil && commaReason == nil
    if mayBePlain, let plain = try plainNumbers(texts, name: name, rows: rows, path: path) { return plain }
    let spelled = try spelledNumbers(texts, name: name, rows: rows, path: path)
    if let spelled { return spelled }
    guard kind == nil else {
      let bad = texts.indices.first { Self.number(texts[$0], spelling ?? .plain) == nil } ?? 0
      throw .notANumber(path: path, row: rows[bad], column: name, text: texts[bad])
    }
    var result = words(texts)
    if let remark = Self.oddWords(texts) { result.remarks.append(remark) }
    return result
  }

  // MARK: Numbers

  /// Nil where a field is not a number in decimal notation.
  private func plainNumbers(
    _ texts: [String], name: String, rows: [Int], path: String
  ) throws(TableFault) -> Result? {
    var numbers: [Double?] = []
    numbers.reserveCapacity(texts.count)
    var exact: [Int: String] = [:]
    var infinite: Int?
    for (index, text) in texts.enumerated() {
      let word = trimmed(text)
      if Table.missingMarkers.contains(word) {
        numbers.append(nil)
      } else if Self.isDecimal(word), let number = Double(word) {
        if !number.isFinite { infinite = infinite ?? index }
        numbers.append(number)
        if Self.needsText(word) { exact[index] = Self.classText(word) }
      } else if Self.isInfinite(word) {
        infinite = infinite ?? index
        numbers.append(nil)
      } else {
        return nil
      }
    }
    // Only where all the rest are numbers is it one: 'inf' among words is a word.
    if let infinite { throw .notFinite(path: path, row: rows[infinite], column: name, text: texts[infinite]) }
    return Result(values: .numeric(numbers), texts: Self.texts(exact, numbers), spelling: nil)
  }

  /// Nil where the fields are not numbers in any one spelling.
  private func spelledNumbers(
    _ texts: [String], name: String, rows: [Int], path: String
  ) throws(TableFault) -> Result? {
    // One word is enough: to take a column of words apart would be most of the time to read a table.
    if spelling == nil, texts.contains(where: { Self.hasLetter($0) && !Self.isMissing(trimmed($0)) }) { return nil }
    var bodies: [NumberSpelling.Body?] = []
    var missing: [String: Int] = [:]
    for text in texts {
      let word = trimmed(text)
      if Self.otherMarkers.contains(word) { missing[word, default: 0] += 1 }
      bodies.append(Self.isMissing(word) ? nil : NumberSpelling.Body(text))
    }
    let present = bodies.compactMap { $0 }
    // A column of markers alone has no number that would say what it is.
    guard !present.isEmpty || kind == .numeric,
      let spelling = spelling ?? NumberSpelling.found(in: present, decimalComma: commaReason != nil)
    else { return nil }
    var numbers: [Double?] = []
    var exact: [Int: String] = [:]
    var example: String?
    for (index, body) in bodies.enumerated() {
      guard let body else {
        numbers.append(nil)
        continue
      }
      guard let plain = spelling.plain(body), let number = Double(plain) else { return nil }
      guard number.isFinite else {
        throw .notFinite(path: path, row: rows[index], column: name, text: texts[index])
      }
      numbers.append(number)
      if Self.needsText(plain) { exact[index] = Self.classText(plain) }
      if example == nil, !trimmed(texts[index]).isExactly(plain) { example = trimmed(texts[index]) }
    }
    var result = Result(values: .numeric(numbers), texts: Self.texts(exact, numbers), spelling: spelling)
    if let example {
      result.remarks.append(
        "is read as numbers that are written with \(spelling.description), such as '\(example)'"
          + (commaReason.map { ", because \($0)" } ?? ""))
    }
    for (marker, count) in missing.sorted(by: { ColumnStatistics.precedes($0.key, $1.key) }) {
      result.remarks.append("'\(marker)' is taken as a missing value (\(counted(count, "row")))")
    }
    return result
  }

  static func number(_ text: String, _ spelling: NumberSpelling) -> Double? {
    isMissing(trimmed(text)) ? .nan : spelling.plain(NumberSpelling.Body(text)).flatMap { Double($0) }
  }

  /// Decimal notation alone: Swift would also take hexadecimal.
  static func isDecimal(_ word: String) -> Bool {
    word.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "e"), UInt8(ascii: "E"):
        true
      default: false
      }
    }
  }

  private static func isInfinite(_ word: String) -> Bool {
    ["inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"].contains(word.lowercased())
  }

  // MARK: Numbers as names of classes

  /// Whether the number alone would lose what the text says: digits beyond those of Double, or zeros before it.
  static func needsText(_ word: String) -> Bool {
    let digits = word.utf8.prefix { $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }
      .count { (0x30...0x39).contains($0) }
    let isWhole = !word.utf8.contains { [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains($0) }
    if digits > (isWhole ? 15 : 17) { return true }
    let whole = word.utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }.prefix(2)
    return digits > 1 && whole.first == UInt8(ascii: "0") && (whole.last.map { (0x30...0x39).contains($0) } ?? false)
  }

  /// The number as a name: without a plus, and without zeros at the end of a fraction.
  static func classText(_ word: String) -> String {
    var text = word.hasPrefix("+") ? String(word.dropFirst()) : word
    guard text.utf8.contains(UInt8(ascii: ".")), !text.utf8.contains(UInt8(ascii: "e")),
      !text.utf8.contains(UInt8(ascii: "E"))
    else { return text }
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }

  private static func texts(_ exact: [Int: String], _ numbers: [Double?]) -> [String?] {
    exact.isEmpty ? [] : numbers.indices.map { exact[$0] }
  }

  // MARK: Words

  /// What stands for a missing value among numbers, beside the markers that always do.
  private static let otherMarkers: Set<String> = [
    "?", "-", "--", ".", "..", "\u{2013}", "\u{2014}", "n.a.", "N.A.", "na", "missing", "unknown", "#DIV/0!", "#VALUE!",
    "#REF!",
  ]

  /// Whether the field has a letter of ASCII that no spelling of a number has: any but that of an exponent.
  private static func hasLetter(_ text: String) -> Bool {
    text.utf8.contains { byte in
      let lower = byte | 0x20
      return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z") && lower != UInt8(ascii: "e")
    }
  }

  static func isMissing(_ word: String) -> Bool {
    Table.missingMarkers.contains(word) || otherMarkers.contains(word)
  }

  private func words(_ texts: [String]) -> Result {
    var markers: [String: Int] = [:]
    for text in texts {
      let word = trimmed(text)
      if !word.isEmpty, Table.missingMarkers.contains(word) { markers[word, default: 0] += 1 }
    }
    var isWord = false
    var remarks: [String] = []
    if let count = markers[Self.na] {
      isWord = readsNA ?? Self.isCode(Self.na, among: texts)
      if isWord {
        let reason = readsNA == nil ? "the others are pairs of capital letters, too" : "the network knows it as one"
        remarks.append("'NA' is taken as a word (\(counted(count, "row"))), because \(reason)")
      }
    }
    for (marker, count) in markers.sorted(by: { ColumnStatistics.precedes($0.key, $1.key) })
    where marker != Self.na || !isWord {
      remarks.append("'\(marker)' is taken as a missing value (\(counted(count, "row")))")
    }
    let values = texts.map { text -> String? in
      let word = trimmed(text)
      return Table.missingMarkers.contains(word) && !(isWord && word == Self.na) ? nil : text
    }
    return Result(values: .categorical(values), remarks: remarks)
  }

  /// Whether all other words are of two capital letters: countries, for instance, of which Namibia is one.
  private static func isCode(_ marker: String, among texts: [String]) -> Bool {
    var hasOther = false
    for text in texts {
      let word = trimmed(text)
      if Table.missingMarkers.contains(word) { continue }
      guard word.utf8.count == 2, word.utf8.allSatisfy({ (0x41...0x5a).contains($0) }) else { return false }
      hasOther = true
    }
    return hasOther
  }

  /// Of a column that is mostly numbers: the first fields that are none in the spelling of most.
  private static func oddWords(_ texts: [String]) -> String? {
    let present = texts.filter { !isMissing(trimmed($0)) }
    if DateFormat.ofAll(present) != nil { return nil }
    // Each field once, however often it is there: a column of words has few.
    var places = ExactDictionary<Int>()
    var (distinct, counts): ([String], [Int]) = ([], [])
    let own = present.map { text -> Int in
      if let place = places[text] {
        counts[place] += 1
        return place
      }
      places[text] = distinct.count
      distinct.append(text)
      counts.append(1)
      return distinct.count - 1
    }
    func total(_ areNumbers: [Bool]) -> Int { zip(areNumbers, counts).reduce(0) { $1.0 ? $0 + $1.1 : $0 } }
    let bodies = distinct.map { NumberSpelling.Body($0) }
    let signs = Set(bodies.map(\.sign)).sorted { ($0 ?? "") < ($1 ?? "") }
    var most = bodies.map { NumberSpelling.plain.plain($0) != nil }
    for (decimal, group) in [(".", ","), (",", ".")] {
      for sign in signs.prefix(4) {
        let spelling = NumberSpelling(decimal: decimal, group: group, sign: sign, hasParentheses: true)
        let numbers = bodies.map { spelling.plain($0) != nil }
        if total(numbers) > total(most) { most = numbers }
      }
    }
    let odd = zip(present, own).filter { !most[$1] }.map { $0.0 }
    guard odd.count * 2 < present.count else { return nil }
    if odd.isEmpty { return "is read as words, because its numbers are written in more than one way" }
    var known = ExactSet()
    let first = odd.filter { known.insert($0) }.prefix(3).map { "'\($0.prefix(40))'" }
    return
      "is read as words, because of \(first.joined(separator: ", ")): \(odd.count) of \(present.count) fields are not "
      + "numbers like the others"
  }
}

/// Without the spaces and tabs around it.
func trimmed(_ text: String) -> String {
  let isBlank = { (character: Character) in character == " " || character == "\t" }
  guard let first = text.first, let last = text.last, isBlank(first) || isBlank(last) else { return text }
  var rest = text.drop(while: isBlank)
  while let last = rest.last, isBlank(last) { rest.removeLast() }
  return String(rest)
}
