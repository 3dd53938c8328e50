import AviaryArchives
import AviaryHDF5
import AviaryTensors

// Weights of 8-bit integers, as `quantize` makes them, and the attributes that give their scales.

extension StoredArray {
  /// Quantized weights; nil where there are not as many integers and scales as the shape asks for.
  public init?(quantized values: [Int8], shape: [Int], _ quantization: Quantization) {
    self.init(dtype: .int8, shape: shape, bytes: ByteRegion(littleEndian: values), quantization: quantization)
  }

  /// Quantized weights as floating-point numbers; any other array unchanged.
  public func dequantized() -> StoredArray { quantization == nil ? self : cast(to: .float32) }

  /// scale · integer, each row of the first axis by its own scale.
  func dequantizedValues(_ quantization: Quantization) -> [Float] {
    let columns = quantization.scales.isEmpty ? 0 : count / quantization.scales.count
    return bytes.withValues(of: Int8.self) { integers in
      var values: [Float] = []
      values.reserveCapacity(integers.count)
      for (row, scale) in quantization.scales.enumerated() {
        for index in (row * columns)..<((row + 1) * columns) { values.append(Float(integers[index]) * scale) }
      }
      return values
    }
  }
}

extension Checkpoint {
  /// The bytes of all tensors.
  public var byteCount: Int { entries.reduce(0) { $0 + $1.array.bytes.count } }

  /// The paths of the tensors that are quantized weights.
  public var quantizedPaths: [String] { entries.filter { $0.array.quantization != nil }.map(\.path) }

  /// The same with quantized weights as Float32.
  public func dequantized() -> Checkpoint {
    if quantizedPaths.isEmpty { return self }
    return replacingEntries(entries.map { Entry($0.path, $0.array.dequantized()) })
  }
}

extension AviaryFile {
  /// The attributes of quantized weights.
  static func attributes(_ quantization: Quantization) -> [HDF5Attribute] {
    [
      HDF5Attribute("scale", .floats(quantization.scales)),
      HDF5Attribute("input_scale", .real(Double(quantization.inputScale))),
      HDF5Attribute("input_dtype", .text(quantization.inputIsSigned ? "int8" : "uint8")),
    ]
  }

  /// What the attributes of an array of integers say; nil where it is one of plain integers.
  static func quantization(
    _ dtype: Dtype, shape: [Int], _ attributes: [HDF5Attribute], tensor: String, file: String
  ) throws(CheckpointFault) -> Quantization? {
    guard dtype == .int8, let stored = attributes["scale"] else { return nil }
    func damaged(_ reason: String) -> CheckpointFault { .badTensor(path: file, tensor: tensor, reason: reason) }
    guard let channels = shape.first else { throw damaged("it has scales but no channel axis") }
    let scales: [Double]
    switch stored {
    case .reals(let values): scales = values
    case .real(let value): scales = [value]
    default: throw damaged("its scale is not a list of floating-point numbers")
    }
    guard scales.count == channels else {
      throw damaged("it has \(scales.count) scales for \(channels) output channels")
    }
    guard let input = attributes["input_scale"]?.real else {
      throw damaged("its input_scale is absent, or not a number")
    }
    guard let input = positive(input), let type = attributes["input_dtype"]?.text else {
      throw damaged("its input_scale is not positive and finite, or its input_dtype is absent")
    }
    guard type == "int8" || type == "uint8" else {
      throw damaged("its input_dtype is '\(type.prefix(40))', not int8 or uint8")
    }
    let own = scales.compactMap(positive)
    guard own.count == scales.count else { throw damaged("a scale is not positive and finite") }
    return Quantization(scales: own, inputScale: input, inputIsSigned: type == "int8")
  }

  private static func positive(_ value: Double) -> Float? {
    let scale = Float(value)
    // A scale whose product with 128 is infinite is not one.
    return scale >= .leastNormalMagnitude && scale <= 1e30 ? scale : nil
  }
}
