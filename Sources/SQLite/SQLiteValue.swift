/// A value in a table of a database.
public enum SQLiteValue: Equatable, Sendable {
  case null
  case integer(Int64)
  /// NaN cannot be kept: SQLite makes it null.
  case real(Double)
  case text(String)
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
  public init(_ number: Double?) { self = number.map { .real($0) } ?? .null }
  public init(_ number: Int?) { self = number.map { .integer(Int64($0)) } ?? .null }
}
