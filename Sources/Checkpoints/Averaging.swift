import AviaryArchives
import AviaryDiagnostics

extension Checkpoint {
  /// The mean of the weights of several checkpoints of one network.
  ///
  /// Floating-point tensors are added in double and keep their type; integers and booleans, such as counters of batches,
  /// are the first checkpoint's, and so is what is known about the model, except its metrics, which nobody measured.
  ///
  /// - Parameter named: the checkpoints with their files' names, for faults; at least one.
  public static func average(_ named: [(file: String, checkpoint: Checkpoint)]) throws(CheckpointFault) -> Checkpoint {
    guard let (firstFile, first) = named.first else { stopProgram("average of no checkpoints") }
    for (file, other) in named.dropFirst() {
      func differs(_ reason: String) -> CheckpointFault { .differs(path: file, from: firstFile, reason: reason) }
      let missing = first.paths.filter { other[$0] == nil }
      guard missing.isEmpty else { throw differs("\(listed(missing)) is missing") }
      let unexpected = other.paths.filter { first[$0] == nil }
      guard unexpected.isEmpty else { throw differs("only it has \(listed(unexpected))") }
      for entry in first.entries {
        guard let array = other[entry.path] else { continue }
        guard array.shape == entry.array.shape else {
          throw differs("'\(entry.path)' has the shape \(array.shape) instead of \(entry.array.shape)")
        }
        guard array.dtype == entry.array.dtype else {
          throw differs("'\(entry.path)' is \(array.dtype.rawValue) instead of \(entry.array.dtype.rawValue)")
        }
      }
    }
    var result = first
    result.format = .memory
    result.trainingState = nil
    result.kerasModel = nil
    result.metadata.metrics = [:]
    for (file, checkpoint) in named {
      guard let tensor = checkpoint.quantizedPaths.first else { continue }
      throw .unsupported(
        path: file,
        what:
          "tensor '\(tensor)' is quantized, and integers cannot be averaged; convert the file with --dtype f32 first")
    }
    for entry in first.entries {
      guard entry.array.dtype.isReal, !entry.array.dtype.isFloat8 else {
        throw .unsupported(
          path: firstFile, what: "tensor '\(entry.path)' is \(entry.array.dtype.rawValue), which cannot be averaged")
      }
      guard entry.array.dtype.isFloatingPoint else { continue }
      var sums = [Double](repeating: 0, count: entry.array.count)
      for (_, checkpoint) in named {
        guard let values = checkpoint[entry.path]?.doubles() else { continue }
        for index in sums.indices { sums[index] += values[index] }
      }
      let count = Double(named.count)
      for index in sums.indices { sums[index] /= count }
      result.set(StoredArray(sums, shape: entry.array.shape).cast(to: entry.array.dtype), at: entry.path)
    }
    return result
  }
}

extension StoredArray {
  /// A float64 array. The number of values must be the product of `shape`.
  public init(_ values: [Double], shape: [Int]) {
    let bytes = ByteRegion(littleEndian: values.map(\.bitPattern))
    guard let array = StoredArray(dtype: .float64, shape: shape, bytes: bytes) else {
      stopProgram("\(values.count) values do not make the shape \(shape)")
    }
    self = array
  }
}
