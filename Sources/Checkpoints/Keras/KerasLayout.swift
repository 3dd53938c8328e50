/// The layouts of Keras's arrays, and those of a network's cells for them: from Keras, and back.
package enum KerasLayout {
  // MARK: Dense

  /// (in, out) to (out, in).
  ///
  /// - Parameter flattened: the number of channels of the feature maps that a Flatten before the layer turns into rows. Keras
  ///   has channels last, a network here first: (positions · channels, out) to (out, channels · positions).
  static func denseWeight(_ kernel: StoredArray, flattened: Int?) -> StoredArray {
    let (rows, outputs) = (kernel.shape[0], kernel.shape[1])
    guard let channels = flattened, channels > 0, rows % channels == 0,
      let apart = kernel.reshaped(to: [rows / channels, channels, outputs])
    else { return kernel.permuted([1, 0]) }
    let turned = apart.permuted([2, 1, 0])
    return turned.reshaped(to: [outputs, rows]) ?? turned
  }

  static func denseKernel(_ weight: StoredArray, flattened: Int?) -> StoredArray {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    guard let channels = flattened, channels > 0, inputs % channels == 0,
      let apart = weight.reshaped(to: [outputs, channels, inputs / channels])
    else { return weight.permuted([1, 0]) }
    let turned = apart.permuted([2, 1, 0])
    return turned.reshaped(to: [inputs, outputs]) ?? turned
  }

  // MARK: Convolutions

  /// (k…, in, out) or Theano's (out, in, k…) to (out, in, k…); of a transposed convolution (k…, out, in) to (in, out, k…).
  ///
  /// - Parameter flips: whether to rotate the kernels by 180°.
  static func convolutionWeight(
    _ kernel: StoredArray, order: KerasMapping.KernelOrder, flips: Bool
  ) -> StoredArray {
    let rank = kernel.shape.count
    let spatial = Array(0..<rank - 2)
    return order == .tensorflow
      ? kernel.permuted([rank - 1, rank - 2] + spatial, flipping: flips ? spatial : [])
      : kernel.permuted(Array(0..<rank), flipping: flips ? Array(2..<rank) : [])
  }

  static func convolutionKernel(_ weight: StoredArray) -> StoredArray {
    weight.permuted(Array(2..<weight.shape.count) + [1, 0])
  }

  /// (k…, in, multiplier) to (in · multiplier, 1, k…)
  static func depthwiseWeight(_ kernel: StoredArray, flips: Bool) -> StoredArray {
    let rank = kernel.shape.count
    let spatial = Array(0..<rank - 2)
    let turned = kernel.permuted([rank - 2, rank - 1] + spatial, flipping: flips ? spatial : [])
    let extents = turned.shape
    return turned.reshaped(to: [extents[0] * extents[1], 1] + extents.dropFirst(2)) ?? turned
  }

  static func depthwiseKernel(_ weight: StoredArray, multiplier: Int) -> StoredArray? {
    let window = Array(weight.shape.dropFirst(2))
    let apart = weight.reshaped(to: [weight.shape[0] / max(1, multiplier), multiplier] + window)
    return apart?.permuted(Array(2..<window.count + 2) + [0, 1])
  }

  // MARK: Attention

  /// (in, heads, width) to (heads · width, in), and of the output (heads, width, out) to (out, heads · width).
  static func projectionWeight(_ kernel: StoredArray, isOutput: Bool) -> StoredArray {
    let shape = kernel.shape
    let matrix = isOutput ? [shape[0] * shape[1], shape[2]] : [shape[0], shape[1] * shape[2]]
    return kernel.reshaped(to: matrix)?.permuted([1, 0]) ?? kernel
  }

  /// - Parameter heads: how many.
  package static func projectionKernel(_ weight: StoredArray, isOutput: Bool, heads: Int) -> StoredArray? {
    let matrix = weight.permuted([1, 0])
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    return matrix.reshaped(to: isOutput ? [heads, rows / heads, columns] : [rows, heads, columns / heads])
  }

  // MARK: PReLU

  /// (positions…, channels) to (channels, positions…), or to (channels) where the positions share their slopes.
  static func slopes(_ array: StoredArray, sharing: Bool) -> StoredArray {
    let rank = array.shape.count
    let turned = array.permuted([rank - 1] + Array(0..<rank - 1))
    guard sharing, array.count == turned.shape[0] else { return turned }
    return turned.reshaped(to: [turned.shape[0]]) ?? turned
  }

  /// - Parameter positions: how many axes of positions the input has.
  static func alphas(_ slopes: StoredArray, positions: Int) -> StoredArray {
    let turned = slopes.permuted(Array(1..<slopes.shape.count) + [0])
    guard slopes.shape.count == 1, positions > 0 else { return turned }
    return turned.reshaped(to: Array(repeating: 1, count: positions) + turned.shape) ?? turned
  }

  // MARK: Recurrent layers

  /// The rows of Keras's gates in the order of PyTorch's, and back: of a GRU z, r, h and r, z, n; those of an LSTM are in the
  /// same order, i, f, c, o. Nil where the rows do not divide.
  static func gates(_ array: StoredArray, count: Int) -> StoredArray? {
    guard count == 3 else { return array }
    guard let blocks = array.blocks(3) else { return nil }
    return StoredArray.joined([blocks[1], blocks[0], blocks[2]])
  }
}

extension KerasPart {
  /// A cell's array in Keras's layout.
  ///
  /// - Parameters:
  ///   - flattened: see `KerasLayout.denseWeight`.
  ///   - multiplier: of a depthwise convolution.
  ///   - positions: how many axes of positions the input has.
  package func exported(_ array: StoredArray, flattened: Int?, multiplier: Int, positions: Int) -> StoredArray? {
    switch self {
    case .kernel where array.shape.count == 2: KerasLayout.denseKernel(array, flattened: flattened)
    case .kernel, .pointwiseKernel: KerasLayout.convolutionKernel(array)
    case .depthwiseKernel: KerasLayout.depthwiseKernel(array, multiplier: multiplier)
    case .slope: KerasLayout.alphas(array, positions: positions)
    case .factor, .outerFactor: array.count == 1 && positions != 0 ? array.reshaped(to: []) : array
    case .embedding, .bias, .scale, .shift, .mean, .variance, .recurrentKernel, .gate, .projection, .count: array
    }
  }
}

extension KerasWeightsWriter {
  /// The arrays of one direction of a recurrent layer in Keras's layouts.
  ///
  /// - Parameters:
  ///   - gates: how many: 1, 4 of an LSTM, or 3 of a GRU.
  ///   - keepsBiasesApart: whether a gate works between the two biases, as in a GRU with reset_after.
  ///   - array: the cell with a name: `weight_ih` …
  package static func recurrent(
    gates: Int, keepsBiasesApart: Bool, _ array: (String) -> StoredArray?
  ) -> [StoredArray] {
    func turned(_ name: String) -> StoredArray? { array(name).flatMap { KerasLayout.gates($0, count: gates) } }
    var bias: StoredArray?
    if let first = turned("bias_ih"), let second = turned("bias_hh"), let a = first.floats(), let b = second.floats() {
      bias =
        keepsBiasesApart
        ? StoredArray(a + b, shape: [2, a.count]) : StoredArray(zip(a, b).map { $0 + $1 }, shape: [a.count])
      bias = bias?.cast(to: first.dtype)
    }
    let matrices = ["weight_ih", "weight_hh"].map { turned($0)?.permuted([1, 0]) }
    return (matrices + [bias]).compactMap { $0 }
  }
}
