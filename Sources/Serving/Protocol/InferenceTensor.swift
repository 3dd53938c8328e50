import AviaryArchives
import AviaryCheckpoints
import AviaryDiagnostics

/// The types of elements that requests and answers have, as the Open Inference Protocol calls them.
enum TensorDatatype: String, CaseIterable, Sendable {
  case bool = "BOOL"
  case uint8 = "UINT8"
  case uint16 = "UINT16"
  case uint32 = "UINT32"
  case uint64 = "UINT64"
  case int8 = "INT8"
  case int16 = "INT16"
  case int32 = "INT32"
  case int64 = "INT64"
  case float16 = "FP16"
  case bfloat16 = "BF16"
  case float32 = "FP32"
  case float64 = "FP64"
  /// Texts or files, of any length each.
  case bytes = "BYTES"

  /// The same as the type of a stored array; nil for texts and files.
  var dtype: Dtype? {
    switch self {
    case .bool: .bool
    case .uint8: .uint8
    case .uint16: .uint16
    case .uint32: .uint32
    case .uint64: .uint64
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .float32: .float32
    case .float64: .float64
    case .bytes: nil
    }
  }

  /// The least and the greatest element; nil where elements are no whole numbers.
  var wholeNumbers: ClosedRange<Float>? {
    func range<Integer: FixedWidthInteger>(_: Integer.Type) -> ClosedRange<Float> {
      Float(Integer.min)...Float(Integer.max)
    }
    return switch self {
    case .bool: 0...1
    case .uint8: range(UInt8.self)
    case .uint16: range(UInt16.self)
    case .uint32: range(UInt32.self)
    case .uint64: range(UInt64.self)
    case .int8: range(Int8.self)
    case .int16: range(Int16.self)
    case .int32: range(Int32.self)
    case .int64: range(Int64.self)
    case .float16, .bfloat16, .float32, .float64, .bytes: nil
    }
  }
}

/// A tensor of a request.
struct InferenceTensor: Sendable, Equatable {
  /// Numbers are float32, in which networks compute, whatever type they came in; but pixels stay bytes.
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
    default: self = .float32(try Self.numbers(bytes, datatype, count: count, of: name))
    }
  }

  private static func numbers(
    _ bytes: ArraySlice<UInt8>, _ datatype: TensorDatatype, count: Int, of name: String
  ) throws(ServingFault) -> [Float] {
    let array = datatype.dtype.flatMap { StoredArray(dtype: $0, shape: [count], bytes: ByteRegion(Array(bytes))) }
    guard let values = array?.floats() else {
      let size = datatype.dtype?.size ?? 0
      throw wrongSize(name, bytes.count, count, size == 1 ? "1 byte each" : "\(size) bytes each")
    }
    guard values.allSatisfy(\.isFinite) else {
      throw .malformed(
        "input '\(name)' has a number that is not finite" + (datatype == .float64 ? ", or too large for FP32" : ""))
    }
    return values
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
