extension JSONValue {
  /// The JSON of a value, with the members of objects sorted by name. The digits of numbers are the shortest that give the
  /// same number again.
  ///
  /// - Throws: `EncodingError` where a number is not finite, or what the value's own `encode(to:)` throws.
  public init(encoding value: some Encodable) throws {
    let node = JSONNode()
    try node.encode(value, at: [])
    self = node.value
  }
}

/// A value while it is encoded: containers write into a node that whoever asked for them still holds.
private final class JSONNode {
  private var whole: JSONValue?
  private var elements: [JSONNode]?
  private var members: [String: JSONNode] = [:]

  var value: JSONValue {
    if let whole { return whole }
    if let elements { return .array(elements.map(\.value)) }
    return .object(members.sorted { $0.key < $1.key }.map { .init($0.key, $0.value.value) })
  }

  var count: Int { elements?.count ?? 0 }

  func set(_ value: JSONValue) { whole = value }

  func becomeArray() { elements = elements ?? [] }

  func member(_ name: String) -> JSONNode {
    if let node = members[name] { return node }
    let node = JSONNode()
    members[name] = node
    return node
  }

  /// A new node at the end of the array.
  func appended() -> JSONNode {
    let node = JSONNode()
    elements?.append(node)
    return node
  }

  func encode(_ value: some Encodable, at path: [any CodingKey]) throws {
    switch value {
    case let value as JSONValue: set(value)
    case let value as Double: set(try Self.number(value, value.isFinite, at: path))
    case let value as Float: set(try Self.number(value, value.isFinite, at: path))
    default: try value.encode(to: JSONValueEncoder(node: self, codingPath: path))
    }
  }

  /// As `JSONEncoder` writes it: 1 for 1.0.
  private static func number(
    _ value: some Encodable & CustomStringConvertible, _ isFinite: Bool, at path: [any CodingKey]
  ) throws -> JSONValue {
    guard isFinite else {
      throw EncodingError.invalidValue(value, .init(codingPath: path, debugDescription: "\(value) is not finite"))
    }
    let digits = value.description
    return .number(digits.hasSuffix(".0") ? String(digits.dropLast(2)) : digits)
  }
}

private struct JSONValueEncoder: Encoder, SingleValueEncodingContainer {
  let node: JSONNode
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(ObjectContainer<Key>(node: node, codingPath: codingPath))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    node.becomeArray()
    return ArrayContainer(node: node, codingPath: codingPath)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  func encodeNil() { node.set(.null) }
  func encode(_ value: Bool) { node.set(.boolean(value)) }
  func encode(_ value: String) { node.set(.text(value)) }

  func encode(_ value: some Encodable) throws {
    if let integer = value as? any BinaryInteger {
      node.set(.number("\(integer)"))
    } else {
      try node.encode(value, at: codingPath)
    }
  }
}

private struct ObjectContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let node: JSONNode
  let codingPath: [any CodingKey]

  func encodeNil(forKey key: Key) { node.member(key.stringValue).set(.null) }

  func encode(_ value: some Encodable, forKey key: Key) throws {
    try node.member(key.stringValue).encode(value, at: codingPath + [key])
  }

  func nestedContainer<Inner: CodingKey>(
    keyedBy type: Inner.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Inner> {
    encoder(key.stringValue, key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    encoder(key.stringValue, key).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { encoder("super", nil) }
  func superEncoder(forKey key: Key) -> any Encoder { encoder(key.stringValue, key) }

  private func encoder(_ name: String, _ key: Key?) -> JSONValueEncoder {
    JSONValueEncoder(node: node.member(name), codingPath: codingPath + (key.map { [$0] } ?? []))
  }
}

private struct ArrayContainer: UnkeyedEncodingContainer {
  let node: JSONNode
  let codingPath: [any CodingKey]
  var count: Int { node.count }

  func encodeNil() { node.appended().set(.null) }
  func encode(_ value: some Encodable) throws { try node.appended().encode(value, at: codingPath) }

  func nestedContainer<Inner: CodingKey>(keyedBy type: Inner.Type) -> KeyedEncodingContainer<Inner> {
    encoder().container(keyedBy: type)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { encoder().unkeyedContainer() }
  func superEncoder() -> any Encoder { encoder() }

  private func encoder() -> JSONValueEncoder { JSONValueEncoder(node: node.appended(), codingPath: codingPath) }
}
