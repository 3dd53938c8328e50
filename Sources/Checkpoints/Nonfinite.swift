import AviaryTensors

extension Checkpoint {
  /// A tensor with numbers that are not finite.
  public struct Nonfinite: Equatable, Sendable, CustomStringConvertible {
    /// Its path.
    public let path: String
    /// How many elements are not finite.
    public let found: NonfiniteCount
    /// The number of elements.
    public let count: Int

    /// `'fc.weight' (2 NaN of 5130 numbers)`
    public var description: String {
      var parts: [String] = []
      if found.notNumbers > 0 { parts.append("\(found.notNumbers) NaN") }
      if found.infinities > 0 { parts.append("\(found.infinities) infinite") }
      return "'\(path)' (\(parts.joined(separator: ", ")) of \(count) number\(count == 1 ? "" : "s"))"
    }
  }

  /// The tensors with numbers that are not finite, in their order; then those of the training state, by path.
  public var nonfinite: [Nonfinite] {
    entries.compactMap { Self.nonfinite($0.array, $0.path) } + (trainingState?.nonfinite ?? [])
  }

  fileprivate static func nonfinite(_ array: StoredArray, _ path: String) -> Nonfinite? {
    let found = array.nonfinite
    return found.isEmpty ? nil : Nonfinite(path: path, found: found, count: array.count)
  }
}

extension Checkpoint.TrainingState {
  fileprivate var nonfinite: [Checkpoint.Nonfinite] {
    let slots = optimizer.sorted { $0.key < $1.key }.flatMap { path, slots in
      slots.arrays.sorted { $0.key < $1.key }.map { ("\(path).\($0.key) of the optimizer", $0.value) }
    }
    let averages = averages.sorted { $0.key < $1.key }.map { ("\($0.key), averaged", $0.value) }
    return (slots + averages).compactMap { Checkpoint.nonfinite($0.1, $0.0) }
  }
}

extension StoredArray {
  /// How many of the numbers are NaN or infinite; none of whole numbers. A complex element counts as two numbers.
  public var nonfinite: NonfiniteCount {
    func counted(_ bits: Int, _ infinity: UInt64) -> NonfiniteCount {
      var found = NonfiniteCount()
      bytes.forEachPiece { piece in
        piece.withBytes { found.add(NonfiniteCount(in: $0, bits: bits, infinity: infinity)) }
      }
      return found
    }
    switch dtype {
    case .float64, .complex128: return counted(64, Double.infinity.bitPattern)
    case .float32, .complex64: return counted(32, UInt64(Float.infinity.bitPattern))
    case .float16, .complex32: return counted(16, 0x7c00)
    case .bfloat16: return counted(16, 0x7f80)
    default:
      guard dtype.isFloat8, let values = floats() else { return NonfiniteCount() }
      return StoredArray(values, shape: [values.count]).nonfinite
    }
  }
}
