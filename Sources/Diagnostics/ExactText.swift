/// Text that is equal only to the same bytes.
///
/// Swift's `String` takes "é" and "e" with an accent for one text, and `K` and the Kelvin sign. Names that files and people
/// give are two where their bytes differ, and both have to be kept.
public struct ExactText: Hashable, Comparable, Sendable {
  public let text: String

  public init(_ text: String) { self.text = text }

  public static func == (a: ExactText, b: ExactText) -> Bool { a.text.isExactly(b.text) }

  public static func < (a: ExactText, b: ExactText) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }

  public func hash(into hasher: inout Hasher) {
    // The same bytes have the same hash; the few other texts that Swift takes for equal are told apart by `==`.
    hasher.combine(text)
  }
}

extension String {
  /// Whether the bytes are the same.
  public func isExactly(_ other: String) -> Bool {
    // Nearly all names are ASCII, which `==` compares at once; their texts are equal only where their bytes are.
    guard self == other, utf8.count == other.utf8.count else { return false }
    if #available(macOS 26, *), utf8Span.isKnownASCII { return true }
    return utf8.elementsEqual(other.utf8)
  }
}

extension StringProtocol {
  /// Whether the bytes are the same.
  public func isExactly(_ other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

  /// Whether its first bytes are those of `other`.
  public func beginsExactly(with other: some StringProtocol) -> Bool { utf8.starts(with: other.utf8) }
}

/// Values by names that are compared byte by byte.
public struct ExactDictionary<Value> {
  private var values: [ExactText: Value] = [:]

  public init() {}

  /// None yet, with room for so many.
  public init(capacity: Int) { values.reserveCapacity(capacity) }

  /// Of values with one name the first.
  public init(_ pairs: some Sequence<(String, Value)>) {
    for (name, value) in pairs where values[ExactText(name)] == nil { values[ExactText(name)] = value }
  }

  public var count: Int { values.count }
  public var isEmpty: Bool { values.isEmpty }
  /// The names, in no particular order.
  public var names: [String] { values.keys.map(\.text) }

  public subscript(name: String) -> Value? {
    get { values[ExactText(name)] }
    set { values[ExactText(name)] = newValue }
  }

  public subscript(name: String, default value: @autoclosure () -> Value) -> Value {
    get { values[ExactText(name), default: value()] }
    set { values[ExactText(name)] = newValue }
  }

  /// Sets a value and returns the one that was there.
  @discardableResult
  public mutating func updateValue(_ value: Value, forKey name: String) -> Value? {
    values.updateValue(value, forKey: ExactText(name))
  }
}

extension ExactDictionary: Sendable where Value: Sendable {}

/// Names, compared byte by byte.
public struct ExactSet: Sendable {
  private var members: Set<ExactText>

  public init(_ names: some Sequence<String> = []) { members = Set(names.map { ExactText($0) }) }

  public var count: Int { members.count }

  public func contains(_ name: String) -> Bool { members.contains(ExactText(name)) }

  /// Whether the name was new.
  @discardableResult
  public mutating func insert(_ name: String) -> Bool { members.insert(ExactText(name)).inserted }
}
