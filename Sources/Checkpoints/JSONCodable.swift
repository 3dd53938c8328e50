extension JSONValue: Codable {
  /// For other encoders, whose numbers have no more digits than `Double`, or 64-bit integers.
  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .array(let elements):
      var container = encoder.unkeyedContainer()
      for element in elements { try container.encode(element) }
    case .object(let members):
      var container = encoder.container(keyedBy: MemberName.self)
      for member in members { try container.encode(member.value, forKey: MemberName(stringValue: member.name)) }
    case .null, .boolean, .number, .text:
      var container = encoder.singleValueContainer()
      if let boolean {
        try container.encode(boolean)
      } else if let text {
        try container.encode(text)
      } else if case .number(let digits) = self {
        if let integer = Int64(digits) {
          try container.encode(integer)
        } else if let integer = UInt64(digits) {
          try container.encode(integer)
        } else {
          try container.encode(Double(digits) ?? .nan)
        }
      } else {
        try container.encodeNil()
      }
    }
  }

  /// From other decoders; members are sorted by name, since a decoder does not tell their order.
  public init(from decoder: any Decoder) throws {
    if let container = try? decoder.container(keyedBy: MemberName.self) {
      let names = container.allKeys.sorted { $0.stringValue < $1.stringValue }
      self = .object(try names.map { .init($0.stringValue, try container.decode(JSONValue.self, forKey: $0)) })
    } else if var container = try? decoder.unkeyedContainer() {
      var elements: [JSONValue] = []
      while !container.isAtEnd { elements.append(try container.decode(JSONValue.self)) }
      self = .array(elements)
    } else {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .null
      } else if let boolean = try? container.decode(Bool.self) {
        self = .boolean(boolean)
      } else if let text = try? container.decode(String.self) {
        self = .text(text)
      } else if let integer = try? container.decode(Int64.self) {
        self = .number("\(integer)")
      } else if let integer = try? container.decode(UInt64.self) {
        self = .number("\(integer)")
      } else {
        self = try JSONValue(encoding: container.decode(Double.self))
      }
    }
  }

  private struct MemberName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
