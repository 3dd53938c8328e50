import AviaryDiagnostics

/// The types of elements that requests and answers have, as the Open Inference Protocol calls them.
enum TensorDatatype: String, Sendable {
  case float32 = "FP32"
  case uint8 = "UINT8"
  /// Texts or files, of any length each.
  case bytes = "BYTES"
}

/// A tensor of a request.
struct InferenceTensor: Sendable, Equatable {
  enum Elements: Sendable, Equatable {
    case float32([Float])
    case uint8([UInt8])
    case bytes([[UInt8]])

    var count: Int {
      switch self {
      case .float32(let values): values.count
      case .uint8(let values): values.count
      case .bytes(let values): values.count
      }
    }

    var datatype: TensorDatatype {
      switch self {
      case .float32: .float32
      case .uint8: .uint8
      case .bytes: .bytes
      }
    }
  }

  let name: String
  /// Every size is at least 1, and their product is the number of elements.
  let shape: [Int]
  let elements: Elements

  /// The most axes of a tensor.
  static let rankLimit = 8

  /// The number of elements of a shape.
  static func count(_ shape: [Int], of name: String) throws(ServingFault) -> Int {
    guard (1...rankLimit).contains(shape.count) else {
      throw .malformed("input '\(name)' has \(shape.count) axes; use 1 to \(rankLimit)")
    }
    var count = 1
    for size in shape {
      guard size > 0 else { throw .malformed("input '\(name)' has the shape \(shape); sizes are at least 1") }
      let (product, overflows) = count.multipliedReportingOverflow(by: size)
      if overflows { throw .malformed("input '\(name)' has the shape \(shape), which is too large") }
      count = product
    }
    return count
  }
}

/// Elements as the binary extension has them: little-endian, each text after its length in four bytes.
extension InferenceTensor.Elements {
  /// - Parameter count: the number of elements.
  init(
    binary bytes: ArraySlice<UInt8>, _ datatype: TensorDatatype, count: Int, of name: String
  ) throws(ServingFault) {
    switch datatype {
    case .float32:
      let (size, overflows) = count.multipliedReportingOverflow(by: 4)
      guard !overflows, size == bytes.count else { throw Self.wrongSize(name, bytes.count, count, "4 bytes each") }
      var values: [Float] = []
      values.reserveCapacity(count)
      var at = bytes.startIndex
      while at < bytes.endIndex {
        values.append(Float(bitPattern: Self.word(bytes, at)))
        at += 4
      }
      guard values.allSatisfy(\.isFinite) else { throw .malformed("input '\(name)' has a number that is not finite") }
      self = .float32(values)
    case .uint8:
      guard count == bytes.count else { throw Self.wrongSize(name, bytes.count, count, "1 byte each") }
      self = .uint8(Array(bytes))
    case .bytes:
      var values: [[UInt8]] = []
      var rest = bytes
      while rest.count >= 4 {
        let length = Int(Self.word(rest, rest.startIndex))
        rest = rest.dropFirst(4)
        guard length <= rest.count else { break }
        values.append(Array(rest.prefix(length)))
        rest = rest.dropFirst(length)
      }
      guard rest.isEmpty, values.count == count else {
        throw Self.wrongSize(name, bytes.count, count, "each after its length in 4 bytes")
      }
      self = .bytes(values)
    }
  }

  private static func word(_ bytes: ArraySlice<UInt8>, _ at: Int) -> UInt32 {
    UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
  }

  private static func wrongSize(_ name: String, _ bytes: Int, _ count: Int, _ each: String) -> ServingFault {
    .malformed("input '\(name)': \(bytes) bytes are not \(count) elements, \(each)")
  }

  /// The bytes of numbers.
  static func binary(_ values: [Float]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 * values.count)
    for value in values { append(value.bitPattern, to: &bytes) }
    return bytes
  }

  /// The bytes of texts.
  static func binary(_ values: [String]) -> [UInt8] {
    var bytes: [UInt8] = []
    for value in values {
      append(UInt32(value.utf8.count), to: &bytes)
      bytes.append(contentsOf: value.utf8)
    }
    return bytes
  }

  private static func append(_ word: UInt32, to bytes: inout [UInt8]) {
    for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
  }
}
