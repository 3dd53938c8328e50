/// One case of an operator: its arrays, and its geometry (stride, padding, …) under PyTorch's names.
public struct GoldenCase: Sendable, CustomStringConvertible {
  /// Operator and case, such as `conv2d/3x3-s1-p1`.
  public let name: String
  public let geometry: [String: Setting]
  public let arrays: [String: Goldens.Array]
  let path: String

  public var description: String { name }

  public func array(_ key: String) throws(GoldenFault) -> Goldens.Array {
    guard let array = arrays[key] else { throw .missing(name: "\(name)/\(key)", path: path) }
    return array
  }

  /// An array that only some cases have, such as a bias.
  public func optionalArray(_ key: String) -> Goldens.Array? { arrays[key] }

  public func integer(_ key: String) throws(GoldenFault) -> Int {
    guard case .integer(let value)? = geometry[key] else { throw missing(key) }
    return value
  }

  public func number(_ key: String) throws(GoldenFault) -> Double {
    switch geometry[key] {
    case .number(let value)?: return value
    case .integer(let value)?: return Double(value)
    default: throw missing(key)
    }
  }

  public func flag(_ key: String) throws(GoldenFault) -> Bool {
    guard case .flag(let value)? = geometry[key] else { throw missing(key) }
    return value
  }

  public func integers(_ key: String) throws(GoldenFault) -> [Int] {
    guard case .integers(let value)? = geometry[key] else { throw missing(key) }
    return value
  }

  private func missing(_ key: String) -> GoldenFault { .missing(name: "setting \(name): \(key)", path: path) }
}

/// A value in a case's geometry.
public enum Setting: Sendable, Equatable, Decodable {
  case flag(Bool)
  case integer(Int)
  case number(Double)
  case integers([Int])
  case text(String)

  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let flag = try? value.decode(Bool.self) {
      self = .flag(flag)
    } else if let integer = try? value.decode(Int.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let integers = try? value.decode([Int].self) {
      self = .integers(integers)
    } else {
      self = .text(try value.decode(String.self))
    }
  }
}
