/// How much a CSV file may hold, so that an untrusted file cannot exhaust memory.
public struct CSVLimits: Equatable, Sendable {
  /// The largest file, in bytes.
  public var bytes = 1 << 30
  /// The most columns.
  public var columns = 10_000
  /// Rows times columns.
  public var cells = 50_000_000

  /// The defaults.
  public init() {}
}

/// Reads comma-separated values as RFC 4180 has them: fields in quotation marks may hold commas, line breaks and doubled
/// quotation marks. Between tabs, a mark inside a field is one of its text: there, few programs write any others. Lines end in LF, CRLF or CR; a byte order mark is passed over, and so are empty lines. Where the header has
/// semicolons or tabs and no comma, as spreadsheets write it in countries with a decimal comma, these separate fields. A first
/// line such as `sep=;`, by which Excel is told what does, is read as that.
package struct CSVReader {
  package struct Record {
    /// The number of the row, the header being 1. Empty lines count.
    package let row: Int
    package let fields: [String]
  }

  private let bytes: [UInt8]
  private let path: String
  private var place: Int
  private var row = 0
  /// The names of the columns, for messages, once they are known.
  var names: [String] = []

  private let between: UInt8
  /// Whether a line before the header says what is between fields.
  private(set) var namesSeparator = false
  private static let comma = UInt8(ascii: ",")
  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  /// - Parameter separator: what is between fields; nil to find out.
  package init(_ bytes: [UInt8], path: String, separator: UInt8? = nil) {
    self.bytes = bytes
    self.path = path
    place = bytes.starts(with: TextEncoding.byteOrderMark) ? 3 : 0
    if let (named, end) = Self.namedSeparator(in: bytes[place...]) {
      between = named
      place = end
      namesSeparator = true
      passLineEnd()
      row = 1
    } else {
      between = separator ?? Self.separator(of: bytes[place...])
    }
  }

  /// The character between fields, if it is not a comma.
  var separator: Character? { between == Self.comma ? nil : Character(Unicode.Scalar(between)) }

  /// What a person should know about the character between fields; nil where it is the usual one.
  ///
  /// - Parameter isExpected: whether the name of the file says which it is.
  func separatorRemark(isExpected: Bool) -> String? {
    if namesSeparator {
      return "the first line says that the fields are separated by \(Self.words(between)), and is none of the table"
    }
    guard !isExpected, between != Self.comma else { return nil }
    return "the fields are separated by \(Self.words(between)), as the header has no comma"
  }

  private static func words(_ separator: UInt8) -> String {
    switch separator {
    case comma: "commas"
    case UInt8(ascii: ";"): "semicolons"
    case UInt8(ascii: "\t"): "tabs"
    default: "'\(Character(Unicode.Scalar(separator)))'"
    }
  }

  /// What a first line says is between fields, and where it ends: `sep=;`, perhaps in quotation marks.
  private static func namedSeparator(in bytes: ArraySlice<UInt8>) -> (separator: UInt8, end: Int)? {
    var rest = bytes
    let isQuoted = rest.first == quote
    if isQuoted { rest.removeFirst() }
    guard rest.prefix(4).elementsEqual("sep=".utf8, by: { $0 == $1 || $0 | 0x20 == $1 }) else { return nil }
    rest = rest.dropFirst(4)
    guard let separator = rest.popFirst(), separator != quote, isPunctuation(separator) else { return nil }
    if isQuoted, rest.popFirst() != quote { return nil }
    guard let next = rest.first, next == lineFeed || next == carriageReturn else { return nil }
    return (separator, rest.startIndex)
  }

  /// Whether a byte may be between fields: ASCII, and nothing that words and numbers are made of.
  private static func isPunctuation(_ byte: UInt8) -> Bool {
    let letter = byte | 0x20
    return byte == UInt8(ascii: "\t")
      || (0x20..<0x7f).contains(byte) && !(0x30...0x39).contains(byte) && !(0x61...0x7a).contains(letter)
        && byte != UInt8(ascii: ".") && byte != UInt8(ascii: "-")
  }

  /// That of the first line with anything in it.
  private static func separator(of bytes: ArraySlice<UInt8>) -> UInt8 {
    var counts: [UInt8: Int] = [:]
    var isQuoted = false
    for byte in bytes.drop(while: { $0 == lineFeed || $0 == carriageReturn }) {
      if byte == quote { isQuoted.toggle() }
      if isQuoted { continue }
      if byte == lineFeed || byte == carriageReturn { break }
      counts[byte, default: 0] += 1
    }
    if counts[comma] != nil { return comma }
    return [UInt8(ascii: ";"), UInt8(ascii: "\t")].first { counts[$0] != nil } ?? comma
  }

  /// The next record; nil at the end.
  package mutating func next() throws(TableFault) -> Record? {
    while place < bytes.count {
      row += 1
      if endsLine(at: place) {
        passLineEnd()
        continue
      }
      return try record()
    }
    return nil
  }

  private mutating func record() throws(TableFault) -> Record {
    var fields: [String] = []
    fields.reserveCapacity(names.count)
    while true {
      fields.append(try field(at: fields.count))
      if place < bytes.count, bytes[place] == between {
        place += 1
        continue
      }
      passLineEnd()
      return Record(row: row, fields: fields)
    }
  }

  /// Reads a field and stops at what follows it: a comma, a line's end, or the end of all.
  private mutating func field(at position: Int) throws(TableFault) -> String {
    if place < bytes.count, bytes[place] == Self.quote { return try quotedField(at: position) }
    let start = place
    while place < bytes.count, bytes[place] != between, !endsLine(at: place) {
      if bytes[place] == Self.quote, between != UInt8(ascii: "\t") {
        throw badQuote(position, "a quotation mark inside a field; put the field in quotation marks and double it")
      }
      place += 1
    }
    return try text(bytes[start..<place], position)
  }

  private mutating func quotedField(at position: Int) throws(TableFault) -> String {
    place += 1
    var content: [UInt8] = []
    while place < bytes.count {
      let byte = bytes[place]
      place += 1
      if byte != Self.quote {
        content.append(byte)
      } else if place < bytes.count, bytes[place] == Self.quote {
        content.append(byte)
        place += 1
      } else {
        guard place == bytes.count || bytes[place] == between || endsLine(at: place) else {
          throw badQuote(position, "text after the closing quotation mark; double the marks that belong to the text")
        }
        return try text(content[...], position)
      }
    }
    throw badQuote(position, "the quotation mark at the field's beginning is never closed")
  }

  private func endsLine(at place: Int) -> Bool {
    bytes[place] == Self.lineFeed || bytes[place] == Self.carriageReturn
  }

  private mutating func passLineEnd() {
    guard place < bytes.count else { return }
    let isReturn = bytes[place] == Self.carriageReturn
    place += 1
    if isReturn, place < bytes.count, bytes[place] == Self.lineFeed { place += 1 }
  }

  private func text(_ bytes: ArraySlice<UInt8>, _ position: Int) throws(TableFault) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .notUTF8(path: path, row: row, column: name(position))
    }
    return text
  }

  private func badQuote(_ position: Int, _ reason: String) -> TableFault {
    .badQuote(path: path, row: row, column: name(position), reason: reason)
  }

  private func name(_ position: Int) -> String {
    names.indices.contains(position) && !names[position].isEmpty ? names[position] : "\(position + 1)"
  }
}
