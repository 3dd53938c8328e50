import AviaryDiagnostics

/// Reads a table from JSON: an array of objects, or objects one after the other, as JSON Lines has them. Each object is a row,
/// and a member that is an object itself has its members as columns: `size.width`.
///
/// Numbers, words, `true` and `false` become fields as they are written; `null`, Python's `NaN` and absent members are missing
/// values, and a list is a field that holds its text, which `elements(ofList:)` takes apart. Nesting is bounded, and so is all else that a file may ask for.
struct JSONTableReader {
  /// A member of an object.
  struct Field {
    /// What a value that is no object is.
    enum Kind {
      case number, text, list
      /// `true`, `false`, or a value that is missing.
      case other
    }

    let name: String
    let text: String
    let kind: Kind
  }

  struct Record {
    /// The number of the row: of a line in JSON Lines, or else of the object, from 1.
    let row: Int
    let fields: [Field]
  }

  /// How deeply objects and lists may be nested.
  static let depthLimit = 64
  /// The most bytes of a column's name: names of nested objects add up.
  static let nameLimit = 4096

  private var text: JSONText
  private let path: String
  private let columns: Int
  /// Whether the objects are elements of one array.
  private var isArray = false
  private var count = 0
  private var hasEnded = false
  /// Whether a row has had a member that is not a whole column: a list, or an object of places.
  private var hasField = false

  /// - Parameter columns: the most fields that a row may have.
  init(_ bytes: [UInt8], path: String, columns: Int = CSVLimits().columns) throws(TableFault) {
    text = JSONText(bytes, path: path)
    self.path = path
    self.columns = columns
    text.skipBlanks()
    guard let first = text.byte else { throw .noHeader(path: path) }
    if first == UInt8(ascii: "[") {
      isArray = true
      text.place += 1
    }
  }

  /// The next object; nil at the end.
  mutating func next() throws(TableFault) -> Record? {
    if hasEnded { return nil }
    text.skipBlanks()
    if isArray {
      if text.byte == UInt8(ascii: "]") {
        text.place += 1
        return try end()
      }
      if count > 0 {
        try text.expect(",")
        text.skipBlanks()
      }
    } else if text.byte == nil {
      return try end()
    }
    count += 1
    let row = isArray ? count : text.line
    guard text.byte == UInt8(ascii: "{") else {
      throw text.fault("each row is an object, {\"column\": value, …}")
    }
    var fields: [Field] = []
    try object(prefix: "", depth: 1, into: &fields)
    var known = ExactSet()
    for field in fields where !known.insert(field.name) {
      throw text.fault("the object has two values for '\(field.name.prefix(40))'")
    }
    return Record(row: row, fields: fields)
  }

  private mutating func end() throws(TableFault) -> Record? {
    hasEnded = true
    text.skipBlanks()
    if text.byte != nil { throw text.fault("there is more after the end of the list") }
    if !isArray, count == 1, !hasField, path.lowercased().hasSuffix(".json") {
      // As pandas writes tables by default, or rows below a name.
      throw text.fault(
        "the file is one object of lists; a table is a list of objects, each a row (pandas: to_json(orient='records'))")
    }
    return nil
  }

  /// The elements of a list that a field holds, as they are written; nil where one is missing or empty, or is a list or an object itself.
  static func elements(ofList field: String) -> [String]? {
    var text = JSONText(Array(field.utf8), path: "")
    guard text.byte == UInt8(ascii: "[") else { return nil }
    text.place += 1
    var elements: [String] = []
    while true {
      text.skipBlanks()
      if elements.isEmpty, text.byte == UInt8(ascii: "]") { return [] }
      let kind = text.kind
      guard kind != .list, let element = try? text.field(depth: 1), !element.isEmpty else { return nil }
      elements.append(element)
      text.skipBlanks()
      if text.byte == UInt8(ascii: "]") { return elements }
      guard (try? text.expect(",")) != nil else { return nil }
    }
  }

  private mutating func object(
    prefix: String, depth: Int, into fields: inout [Field]
  ) throws(TableFault) {
    guard depth <= Self.depthLimit else { throw text.fault("objects are nested more than \(Self.depthLimit) deep") }
    text.place += 1
    text.skipBlanks()
    if text.byte == UInt8(ascii: "}") {
      text.place += 1
      return
    }
    while true {
      text.skipBlanks()
      guard text.byte == UInt8(ascii: "\"") else { throw text.fault("a name in quotation marks is expected") }
      let own = try text.string()
      guard !own.isEmpty else { throw text.fault("a member has an empty name") }
      let name = prefix.isEmpty ? own : prefix + "." + own
      guard name.utf8.count <= Self.nameLimit else {
        throw text.fault("the name of a column is longer than \(Self.nameLimit) bytes")
      }
      text.skipBlanks()
      try text.expect(":")
      text.skipBlanks()
      if text.byte == UInt8(ascii: "{") {
        try object(prefix: name, depth: depth + 1, into: &fields)
      } else {
        guard fields.count < columns else {
          throw .tooLarge(path: path, what: "columns", count: fields.count + 1, limit: columns)
        }
        if depth == 1 ? text.byte != UInt8(ascii: "[") : Int(own) == nil { hasField = true }
        let kind = text.kind
        fields.append(Field(name: name, text: try text.field(depth: depth), kind: kind))
      }
      text.skipBlanks()
      if text.byte == UInt8(ascii: "}") {
        text.place += 1
        return
      }
      try text.expect(",")
    }
  }
}

/// The text of a JSON file, and where it is read.
private struct JSONText {
  let bytes: [UInt8]
  let path: String
  var place: Int
  /// The line that `lineStart` is on, from 1: lines are counted when they are asked for.
  private var counted = (line: 1, place: 0)

  init(_ bytes: [UInt8], path: String) {
    self.bytes = bytes
    self.path = path
    place = bytes.starts(with: TextEncoding.byteOrderMark) ? 3 : 0
  }

  var byte: UInt8? { place < bytes.count ? bytes[place] : nil }

  /// What the value that begins here is.
  var kind: JSONTableReader.Field.Kind {
    switch byte {
    case UInt8(ascii: "\"")?: .text
    case UInt8(ascii: "[")?: .list
    case UInt8(ascii: "-")?, (UInt8(ascii: "0")...UInt8(ascii: "9"))?: .number
    default: .other
    }
  }

  /// The current line's number.
  var line: Int {
    mutating get {
      counted.line += bytes[counted.place..<place].count { $0 == UInt8(ascii: "\n") }
      counted.place = place
      return counted.line
    }
  }

  mutating func fault(_ reason: String) -> TableFault {
    .badJSON(path: path, line: line, reason: reason)
  }

  mutating func skipBlanks() {
    while let byte, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { place += 1 }
  }

  mutating func expect(_ mark: Unicode.Scalar) throws(TableFault) {
    guard byte == UInt8(ascii: mark) else { throw fault("'\(mark)' is expected") }
    place += 1
  }

  /// A value that is no object, as the text of a field.
  mutating func field(depth: Int) throws(TableFault) -> String {
    switch byte {
    case UInt8(ascii: "\"")?: return try string()
    case UInt8(ascii: "[")?:
      let start = place
      try skipList(depth: depth)
      return try text(start..<place)
    case UInt8(ascii: "-")?, (UInt8(ascii: "0")...UInt8(ascii: "9"))?:
      if let word = word(["-Infinity"]) { return word }
      return try number()
    default:
      if let word = word(["true", "false", "Infinity"]) { return word }
      if word(["null", "NaN"]) != nil { return "" }
      throw fault("a value is expected")
    }
  }

  private mutating func word(_ words: [String]) -> String? {
    for word in words where bytes[place...].starts(with: word.utf8) {
      place += word.utf8.count
      return word
    }
    return nil
  }

  /// Passes over digits; false where there is none.
  private mutating func skipDigits() -> Bool {
    let first = place
    while let byte, (0x30...0x39).contains(byte) { place += 1 }
    return place > first
  }

  private mutating func number() throws(TableFault) -> String {
    let start = place
    if byte == UInt8(ascii: "-") { place += 1 }
    let startsWithZero = byte == UInt8(ascii: "0")
    let whole = place
    guard skipDigits(), !startsWithZero || place == whole + 1 else {
      throw fault("a number is not written as JSON has it")
    }
    if byte == UInt8(ascii: ".") {
      place += 1
      guard skipDigits() else { throw fault("a number is not written as JSON has it") }
    }
    if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
      place += 1
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { place += 1 }
      guard skipDigits() else { throw fault("a number is not written as JSON has it") }
    }
    return try text(start..<place)
  }

  /// Passes over a list and all in it.
  private mutating func skipList(depth: Int) throws(TableFault) {
    /// What closes each list and object that is open.
    var open: [UInt8] = []
    var expectsValue = true
    repeat {
      skipBlanks()
      guard let byte else { throw fault("the file ends inside of a list") }
      switch byte {
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        guard open.isEmpty || expectsValue else { throw fault("',' is expected") }
        guard depth + open.count < JSONTableReader.depthLimit else {
          throw fault("lists are nested more than \(JSONTableReader.depthLimit) deep")
        }
        open.append(byte + 2)
        place += 1
        skipBlanks()
        expectsValue = self.byte != open.last
        if byte == UInt8(ascii: "{"), expectsValue { try name() }
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        guard byte == open.last, !expectsValue else { throw fault("a value is expected") }
        open.removeLast()
        place += 1
      case UInt8(ascii: ","):
        guard !expectsValue else { throw fault("a value is expected") }
        place += 1
        skipBlanks()
        if open.last == UInt8(ascii: "}") { try name() }
        expectsValue = true
      default:
        guard expectsValue else { throw fault("',' is expected") }
        _ = try field(depth: depth + open.count)
        expectsValue = false
      }
    } while !open.isEmpty
  }

  /// A member's name and the colon behind it.
  private mutating func name() throws(TableFault) {
    guard byte == UInt8(ascii: "\"") else { throw fault("a name in quotation marks is expected") }
    _ = try string()
    skipBlanks()
    try expect(":")
  }

  /// A text in quotation marks.
  mutating func string() throws(TableFault) -> String {
    place += 1
    let start = place
    // Most texts have no escapes and are taken as they are.
    while let byte, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { place += 1 }
    if byte == UInt8(ascii: "\"") {
      place += 1
      return try text(start..<place - 1)
    }
    var content = Array(bytes[start..<place])
    while let byte {
      place += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else { throw fault("a text is not UTF-8") }
        return text
      case UInt8(ascii: "\\"): content += try escaped()
      case 0..<0x20: throw fault("a text has a control character; write it as \\u00\(String(byte, radix: 16))")
      default: content.append(byte)
      }
    }
    throw fault("a text has no closing quotation mark")
  }

  private mutating func escaped() throws(TableFault) -> [UInt8] {
    guard let byte else { throw fault("a text has no closing quotation mark") }
    place += 1
    switch byte {
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0c]
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "u"):
      let first = try unit()
      var value = UInt32(first)
      if (0xd800..<0xdc00).contains(first), bytes[place...].starts(with: [0x5c, 0x75]) {
        place += 2
        let second = try unit()
        guard (0xdc00..<0xe000).contains(second) else { throw fault("a text has half of a pair of \\u escapes") }
        value = 0x10000 + (UInt32(first - 0xd800) << 10 | UInt32(second - 0xdc00))
      }
      guard let scalar = Unicode.Scalar(value) else { throw fault("a text has half of a pair of \\u escapes") }
      return Array(String(Character(scalar)).utf8)
    default: throw fault("a text has an escape that JSON does not know")
    }
  }

  private mutating func unit() throws(TableFault) -> UInt16 {
    guard place + 4 <= bytes.count else { throw fault("a \\u escape has four hexadecimal digits") }
    var value: UInt16 = 0
    for byte in bytes[place..<place + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw fault("a \\u escape has four hexadecimal digits")
      }
      value = value << 4 | UInt16(digit)
    }
    place += 4
    return value
  }

  private mutating func text(_ range: Range<Int>) throws(TableFault) -> String {
    guard let text = String(validating: bytes[range], as: UTF8.self) else { throw fault("a text is not UTF-8") }
    return text
  }
}
