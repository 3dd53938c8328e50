import AviaryArchives
import AviaryDiagnostics
import AviaryTensors

/// An array as a file holds it: any element type, any shape, bytes in little-endian row-major order.
///
/// The bytes may be those of a memory-mapped file, or be unpacked whenever they are asked for: see
/// `Checkpoint.ReadOptions.unpacking`. Nothing is converted until numbers are asked for.
public struct StoredArray: Sendable {
  /// The type of the elements.
  public let dtype: Dtype
  /// Extents from the outermost; empty for a single number.
  public let shape: [Int]
  /// The elements, little-endian, in row-major order.
  public let bytes: ByteRegion
  /// What the integers stand for that weights were quantised to; its scales are as many as the first extent.
  public let quantization: Quantization?
  /// Tells whether bytes can be unpacked that were not yet.
  private var unpacking: (@Sendable () throws(CheckpointFault) -> Void)?

  /// The number of elements.
  public var count: Int { bytes.count / dtype.size }

  /// `nil` where shape and type do not make exactly the bytes given, or a quantisation is of other weights than these.
  public init?(dtype: Dtype, shape: [Int], bytes: ByteRegion, quantization: Quantization? = nil) {
    guard let size = StoredArray.byteCount(dtype, shape), size == bytes.count else { return nil }
    if let quantization, dtype != .int8 || shape.first != quantization.scales.count { return nil }
    self.quantization = quantization
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }

  /// The same array, whose bytes are unpacked whenever they are asked for; `check` tells whether they can be.
  func unpacked(checking check: @escaping @Sendable () throws(CheckpointFault) -> Void) -> StoredArray {
    var array = self
    array.unpacking = check
    return array
  }

  /// Reads all bytes and keeps none of them. An array whose bytes were not unpacked when its file was read must be checked
  /// before they are asked for: what is damaged stops the program then.
  public func check() throws(CheckpointFault) {
    if let unpacking { try unpacking() } else { bytes.forEachPiece { _ in } }
  }

  /// A Float32 array; the values are not copied. Their number must be the product of `shape`.
  public init(_ values: [Float], shape: [Int]) {
    ensure(values.count == shape.reduce(1, *), "\(values.count) values do not make the shape \(shape)")
    dtype = .float32
    quantization = nil
    self.shape = shape
    bytes = ByteRegion(floats: values)
  }

  /// An int64 array. The number of values must be the product of `shape`.
  public init(_ values: [Int64], shape: [Int]) {
    ensure(values.count == shape.reduce(1, *), "\(values.count) values do not make the shape \(shape)")
    dtype = .int64
    quantization = nil
    self.shape = shape
    bytes = ByteRegion(littleEndian: values)
  }

  /// The product of the extents times the element size; `nil` where one is negative or the product overflows.
  static func byteCount(_ dtype: Dtype, _ shape: [Int]) -> Int? {
    var total = dtype.size
    for extent in shape {
      let (product, overflow) = total.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow else { return nil }
      total = product
    }
    return total
  }

  // MARK: Numbers

  /// Calls `body` with the elements as Float32: the stored bytes themselves where they are that, a converted copy
  /// otherwise. `nil` where elements are complex or of 4 bits.
  public func withFloats<Result, E: Swift.Error>(_ body: (Span<Float>) throws(E) -> Result) throws(E) -> Result? {
    if dtype == .float32 {
      return try bytes.withValues(of: Float.self) { (span) throws(E) in try body(span) }
    }
    guard let values = floats() else { return nil }
    return try body(values.span)
  }

  /// The sum of the elements as Float32, accumulated in double; `nil` where they are complex or of 4 bits.
  public func sum() -> Double? { withFloats { AviaryTensors.sum($0) } }

  /// The elements as Float32, each rounded to nearest; `nil` where they are complex or of 4 bits.
  public func floats() -> [Float]? {
    if let quantization { return dequantizedValues(quantization) }
    return switch dtype {
    case .float32: bytes.mapValues(of: Float.self) { $0 }
    case .float64: bytes.mapValues(of: Double.self) { Float($0) }
    case .float16: bytes.mapValues(of: UInt16.self) { HalfPrecision.float(half: $0) }
    case .bfloat16: bytes.mapValues(of: UInt16.self) { HalfPrecision.float(bfloat: $0) }
    case .int64: bytes.mapValues(of: Int64.self) { Float($0) }
    case .int32: bytes.mapValues(of: Int32.self) { Float($0) }
    case .int16: bytes.mapValues(of: Int16.self) { Float($0) }
    case .int8: bytes.mapValues(of: Int8.self) { Float($0) }
    case .uint64: bytes.mapValues(of: UInt64.self) { Float($0) }
    case .uint32: bytes.mapValues(of: UInt32.self) { Float($0) }
    case .uint16: bytes.mapValues(of: UInt16.self) { Float($0) }
    case .uint8: bytes.mapValues(of: UInt8.self) { Float($0) }
    case .bool: bytes.mapValues(of: UInt8.self) { $0 == 0 ? 0 : 1 }
    case .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0FNU:
      Float8.values(of: dtype).map { values in bytes.mapValues(of: UInt8.self) { values[Int($0)] } }
    case .complex32, .complex64, .complex128, .float4E2M1Pair: nil
    }
  }

  /// The elements as Double, exact but for integers beyond 2⁵³; `nil` where they are complex or of 4 bits.
  public func doubles() -> [Double]? {
    switch dtype {
    case .float64: bytes.mapValues(of: Double.self) { $0 }
    case .int64: bytes.mapValues(of: Int64.self) { Double($0) }
    case .int32: bytes.mapValues(of: Int32.self) { Double($0) }
    case .uint64: bytes.mapValues(of: UInt64.self) { Double($0) }
    case .uint32: bytes.mapValues(of: UInt32.self) { Double($0) }
    default: floats()?.map { Double($0) }
    }
  }

  /// The elements as Int64; `nil` unless they are integers or booleans that fit.
  public func integers() -> [Int64]? {
    if quantization != nil { return nil }
    switch dtype {
    case .int64: return bytes.mapValues(of: Int64.self) { $0 }
    case .int32: return bytes.mapValues(of: Int32.self) { Int64($0) }
    case .int16: return bytes.mapValues(of: Int16.self) { Int64($0) }
    case .int8: return bytes.mapValues(of: Int8.self) { Int64($0) }
    case .uint32: return bytes.mapValues(of: UInt32.self) { Int64($0) }
    case .uint16: return bytes.mapValues(of: UInt16.self) { Int64($0) }
    case .uint8, .bool: return bytes.mapValues(of: UInt8.self) { Int64($0) }
    case .uint64:
      let values = bytes.mapValues(of: UInt64.self) { Int64(exactly: $0) }
      return values.contains(nil) ? nil : values.compactMap { $0 }
    default: return nil
    }
  }

  /// The array as a tensor; `nil` where elements are complex or of 4 bits.
  ///
  /// Float32 in a memory-mapped file stays there: the tensor shares the pages of the file, which are never written to.
  ///
  /// Quantised weights stay integers.
  public func tensor() -> Tensor? {
    if let quantization {
      return bytes.withValues(of: Int8.self) { Tensor(quantized: $0, shape: shape, quantization) }
    }
    if dtype == .float32, count > 0, let (address, owner) = bytes.pinned,
      let shared = Tensor(sharing: address, of: owner, shape: shape)
    {
      return shared
    }
    return withFloats { Tensor($0, shape: shape) }
  }

  /// The same array in another floating-point type, rounded to nearest, ties to even; float64 goes to the 16-bit types
  /// by way of Float32. Integers and complex arrays stay as they are, but for quantised weights: those become numbers.
  public func cast(to target: Dtype) -> StoredArray {
    guard dtype.isFloatingPoint || quantization != nil, target != dtype, let values = floats() else { return self }
    let bytes: ByteRegion
    switch target {
    case .float32: bytes = ByteRegion(floats: values)
    case .float16: bytes = ByteRegion(littleEndian: values.map { HalfPrecision.half($0) })
    case .bfloat16: bytes = ByteRegion(littleEndian: values.map { HalfPrecision.bfloat($0) })
    case .float64: bytes = ByteRegion(littleEndian: (doubles() ?? []).map { $0.bitPattern })
    default: return self
    }
    return StoredArray(dtype: target, shape: shape, bytes: bytes) ?? self
  }

  /// How many of the elements are finite, and infinite once they are cast.
  func overflows(castTo target: Dtype) -> Int {
    guard dtype.isFloatingPoint || quantization != nil, target != dtype else { return 0 }
    guard let before = doubles(), let after = cast(to: target).doubles() else { return 0 }
    return zip(before, after).reduce(0) { $0 + ($1.0.isFinite && !$1.1.isFinite ? 1 : 0) }
  }

  /// The same bytes under another shape of as many elements, or `nil`.
  public func reshaped(to shape: [Int]) -> StoredArray? {
    StoredArray(dtype: dtype, shape: shape, bytes: bytes, quantization: quantization)
  }
}
