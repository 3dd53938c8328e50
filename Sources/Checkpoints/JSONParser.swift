import AviaryDiagnostics

/// RFC 8259, strictly, but for NaN and Infinity, which Python writes into configurations.
package struct JSONParser {
  package let bytes: [UInt8]
  package private(set) var at = 0
  private var depth = 0

  static let depthLimit = 256

  package init(bytes: [UInt8]) { self.bytes = bytes }

  package func fault(_ reason: String) -> JSONValue.Fault { .init(offset: at, reason: reason) }

  package var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  package mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { at += 1 }
  }

  mutating func whole() throws(JSONValue.Fault) -> JSONValue {
    let value = try value()
    try end()
    return value
  }

  /// Refuses what follows the value.
  package mutating func end() throws(JSONValue.Fault) {
    skipSpace()
    guard at == bytes.count else { throw fault("something follows the value") }
  }

  package mutating func value() throws(JSONValue.Fault) -> JSONValue {
    skipSpace()
    guard let byte = next else { throw fault("the text ends too soon") }
    switch byte {
    case UInt8(ascii: "{"): return try nested { (parser) throws(JSONValue.Fault) in try parser.object() }
    case UInt8(ascii: "["): return try nested { (parser) throws(JSONValue.Fault) in try parser.array() }
    case UInt8(ascii: "\""): return .text(try string())
    default: return try bare()
    }
  }

  mutating func nested<Value>(
    _ body: (inout JSONParser) throws(JSONValue.Fault) -> Value
  ) throws(JSONValue.Fault) -> Value {
    depth += 1
    guard depth <= Self.depthLimit else { throw fault("nested deeper than \(Self.depthLimit)") }
    defer { depth -= 1 }
    at += 1
    return try body(&self)
  }

  mutating func accept(_ character: Character) -> Bool {
    skipSpace()
    guard next == character.asciiValue else { return false }
    at += 1
    return true
  }

  mutating func object() throws(JSONValue.Fault) -> JSONValue {
    var members: [JSONValue.Member] = []
    try eachMember { (name, parser) throws(JSONValue.Fault) in members.append(.init(name, try parser.value())) }
    return .object(members)
  }

  /// Reads an object whose members `body` reads, such as one that is too large to be kept as a value.
  package mutating func members(
    _ body: (_ name: String, inout JSONParser) throws(JSONValue.Fault) -> Void
  ) throws(JSONValue.Fault) {
    skipSpace()
    guard next == UInt8(ascii: "{") else { throw fault("an object is expected") }
    try nested { (parser) throws(JSONValue.Fault) in try parser.eachMember(body) }
  }

  /// The same of an array's elements.
  package mutating func elements(
    _ body: (inout JSONParser) throws(JSONValue.Fault) -> Void
  ) throws(JSONValue.Fault) {
    skipSpace()
    guard next == UInt8(ascii: "[") else { throw fault("an array is expected") }
    try nested { (parser) throws(JSONValue.Fault) in try parser.eachElement(body) }
  }

  private mutating func eachMember(
    _ body: (_ name: String, inout JSONParser) throws(JSONValue.Fault) -> Void
  ) throws(JSONValue.Fault) {
    var names = ExactSet()
    if accept("}") { return }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw fault("a member has no name") }
      let name = try string()
      guard names.insert(name) else { throw fault("two members are called '\(name)'") }
      guard accept(":") else { throw fault("a colon is missing") }
      try body(name, &self)
    } while accept(",")
    guard accept("}") else { throw fault("a closing brace is missing") }
  }

  mutating func array() throws(JSONValue.Fault) -> JSONValue {
    var elements: [JSONValue] = []
    try eachElement { (parser) throws(JSONValue.Fault) in elements.append(try parser.value()) }
    return .array(elements)
  }

  private mutating func eachElement(
    _ body: (inout JSONParser) throws(JSONValue.Fault) -> Void
  ) throws(JSONValue.Fault) {
    if accept("]") { return }
    repeat { try body(&self) } while accept(",")
    guard accept("]") else { throw fault("a closing bracket is missing") }
  }

  /// A number, or a word that is a value.
  package mutating func bare() throws(JSONValue.Fault) -> JSONValue {
    let start = at
    while let byte = next, !" \n\r\t,:]}".utf8.contains(byte) { at += 1 }
    let word = String(decoding: bytes[start..<at], as: UTF8.self)
    switch word {
    case "null": return .null
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "NaN", "Infinity", "-Infinity": return .number(word)
    default:
      let allowed = word.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
      guard allowed, let first = word.utf8.first, first != UInt8(ascii: "+"), Double(word) != nil else {
        at = start
        throw fault("no value begins here")
      }
      return .number(word)
    }
  }

  package mutating func string() throws(JSONValue.Fault) -> String {
    at += 1
    var text: [UInt8] = []
    while let byte = next {
      at += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else { throw fault("a text is not UTF-8") }
        return string
      case UInt8(ascii: "\\"): try escape(into: &text)
      case ..<0x20: throw fault("a control character stands in a text")
      default: text.append(byte)
      }
    }
    throw fault("a text is not closed")
  }

  mutating func escape(into text: inout [UInt8]) throws(JSONValue.Fault) {
    guard let byte = next else { throw fault("a text is not closed") }
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "u"):
      var code = try fourDigits()
      if (0xd800..<0xdc00).contains(code), next == UInt8(ascii: "\\"), at + 1 < bytes.count,
        bytes[at + 1] == UInt8(ascii: "u")
      {
        at += 2
        let low = try fourDigits()
        guard (0xdc00..<0xe000).contains(low) else { throw fault("half a surrogate pair") }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw fault("half a surrogate pair") }
      text.append(contentsOf: String(Character(scalar)).utf8)
    default: throw fault("an unknown escape")
    }
  }

  mutating func fourDigits() throws(JSONValue.Fault) -> UInt32 {
    guard at + 4 <= bytes.count,
      let code = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
    else { throw fault("an escape without four digits") }
    at += 4
    return code
  }
}
