import AviaryDiagnostics

/// JSON as a value. Members keep their order, and no name may stand twice: two readers would take different ones.
public enum JSONValue: Sendable, Equatable {
  /// No value.
  case null
  /// True or false.
  case boolean(Bool)
  /// The number as written, so that 64-bit integers keep every digit.
  case number(String)
  /// A string.
  case text(String)
  /// Values in their order.
  case array([JSONValue])
  /// Members in their order.
  case object([Member])

  /// A member of an object.
  public struct Member: Sendable, Equatable {
    /// Its name.
    public let name: String
    /// Its value.
    public let value: JSONValue

    /// A member with a name and a value.
    public init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// Why a text is not JSON: the byte where it goes wrong, and what is wrong there.
  public struct Fault: Swift.Error, Equatable {
    /// Where in the text, in bytes.
    public let offset: Int
    /// What is wrong there.
    public let reason: String
  }

  /// The value of an object's member.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name.isExactly(name) }?.value
  }

  /// The string, of a string.
  public var text: String? {
    if case .text(let text) = self { text } else { nil }
  }

  /// The number, of a whole number that fits.
  public var integer: Int? {
    if case .number(let digits) = self { Int(digits) } else { nil }
  }

  /// The number, of a number.
  public var double: Double? {
    if case .number(let digits) = self { Double(digits) } else { nil }
  }

  /// The truth value, of one.
  public var boolean: Bool? {
    if case .boolean(let value) = self { value } else { nil }
  }

  /// The values, of an array.
  public var elements: [JSONValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  /// The members, of an object.
  public var members: [Member]? {
    if case .object(let members) = self { members } else { nil }
  }

  /// The elements of an array of text; nil for anything else.
  public var texts: [String]? {
    guard let elements else { return nil }
    let texts = elements.compactMap(\.text)
    return texts.count == elements.count ? texts : nil
  }

  /// A whole number.
  public static func integer(_ value: Int) -> JSONValue { .number(String(value)) }

  /// Null where the number is not finite, or not known.
  public static func real(_ value: Double?) -> JSONValue {
    guard let value, value.isFinite else { return .null }
    return .number("\(value)")
  }

  /// Null where the number is not finite.
  public static func real(_ value: Float) -> JSONValue { value.isFinite ? .number("\(value)") : .null }

  /// An array of strings.
  public static func texts(_ values: [String]) -> JSONValue { .array(values.map { .text($0) }) }

  /// An object whose members have these names in this order.
  public static func members(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
    .object(members.map { Member($0.key, $0.value) })
  }

  /// Parses a whole text.
  public init(parsing text: some Sequence<UInt8>) throws(Fault) {
    var parser = JSONParser(bytes: Array(text))
    self = try parser.whole()
  }

  /// Parses a whole text.
  public init(parsing text: String) throws(Fault) { try self.init(parsing: text.utf8) }

  /// The text, without white space.
  public var serialized: String {
    switch self {
    case .null: "null"
    case .boolean(let value): value ? "true" : "false"
    case .number(let digits): digits
    case .text(let text): Self.quoted(text)
    case .array(let elements): "[" + elements.map(\.serialized).joined(separator: ",") + "]"
    case .object(let members):
      "{" + members.map { Self.quoted($0.name) + ":" + $0.value.serialized }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\r": result += "\\r"
      // Beyond what must be: what a terminal would obey, and what turns the direction of writing.
      case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{2028}"..."\u{202e}", "\u{200e}", "\u{200f}",
        "\u{2066}"..."\u{2069}", "\u{61c}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
