/// A value in a table of a database.
public enum SQLiteValue: Equatable, Sendable {
  /// No value.
  case null
  /// A whole number.
  case integer(Int64)
  /// A number. NaN cannot be kept: SQLite makes it null.
  case real(Double)
  /// A text, in UTF-8.
  case text(String)
  /// Bytes that mean nothing to SQLite (a blob).
  case bytes([UInt8])

  /// The whole number; nil for any other value.
  public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }

  /// The number, whole or not; nil for any other value.
  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .real(let value): value
    case .null, .text, .bytes: nil
    }
  }

  /// The text; nil for any other value.
  public var text: String? { if case .text(let value) = self { value } else { nil } }
}

extension SQLiteValue {
  /// Null where there is nothing.
  public init(_ text: String?) { self = text.map { .text($0) } ?? .null }
  /// A real number; null where there is none.
  public init(_ number: Double?) { self = number.map { .real($0) } ?? .null }
  /// A whole number; null where there is none.
  public init(_ number: Int?) { self = number.map { .integer(Int64($0)) } ?? .null }
}
