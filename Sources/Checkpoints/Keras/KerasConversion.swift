import AviaryArchives

/// Converts the arrays of one Keras layer into those of a network's cells, with PyTorch's names and layouts.
struct KerasLayerConversion {
  let layer: KerasModel.Layer
  /// Path of the layer in the network.
  let target: String
  let model: KerasModel
  let mapping: KerasMapping
  /// The number of channels of the feature maps that a Flatten before the layer turns into rows, if there is one: Keras has
  /// channels last, a network here first.
  let flattened: Int?
  let path: String

  func fault(_ reason: String) -> CheckpointFault { .kerasLayer(path: path, layer: layer.name, reason: reason) }

  /// The cells' paths with their arrays, in the network's layout.
  ///
  /// - Parameter shape: the shape of a cell of the network, by path.
  func arrays(_ shape: (String) -> [Int]?) throws(CheckpointFault) -> [(String, StoredArray)] {
    var result: [(String, StoredArray)] = []
    for (isBackward, weights) in layer.directions {
      guard let parts = layer.parts(of: weights) else {
        let list = weights.map { "\($0.name) \($0.array.shape)" }.joined(separator: ", ")
        let kind = layer.kind.map { "a \($0)" } ?? "a layer"
        throw fault("\(kind) with the arrays \(list) is not supported")
      }
      let arrays = Dictionary(zip(parts, weights.map(\.array)), uniquingKeysWith: { first, _ in first })
      if parts.contains(.recurrentKernel) || parts.contains(where: { if case .gate = $0 { true } else { false } }) {
        result += try recurrent(arrays, suffix: isBackward ? "_l0_reverse" : "_l0", shape)
        continue
      }
      let isSeparable = arrays[.pointwiseKernel] != nil
      for (part, weight) in zip(parts, weights) {
        let name = "\(target).\(part.cell(isSeparable: isSeparable))"
        result.append((name, try converted(weight, part, shape(name))))
      }
    }
    return result
  }

  private func converted(
    _ weight: KerasModel.Weight, _ part: KerasPart, _ shape: [Int]?
  ) throws(CheckpointFault) -> StoredArray {
    let array = weight.array
    let rank = array.shape.count
    switch (part, rank) {
    case (.kernel, 2): return KerasLayout.denseWeight(array, flattened: flattened)
    case (.kernel, 3...5), (.pointwiseKernel, 3...5): return kernel(array, shape)
    case (.depthwiseKernel, 3...5): return KerasLayout.depthwiseWeight(array, flips: flips)
    case (.slope, 1...4):
      let isTurned = rank > 1 && layer.dataFormat != "channels_first"
      return isTurned ? KerasLayout.slopes(array, sharing: shape?.count == 1) : array
    case (.embedding, 2), (_, 1): return array
    default: throw fault("array '\(weight.name)' of shape \(array.shape) is not supported")
    }
  }

  private var flips: Bool { mapping.flipKernels ?? (model.backend == "theano") }

  /// The order of the axes of a convolution's kernel.
  func kernelOrder(_ array: StoredArray, _ shape: [Int]?) -> KerasMapping.KernelOrder {
    let rank = array.shape.count
    let fromTensorFlow = [rank - 1, rank - 2] + Array(0..<rank - 2)
    func fits(_ order: [Int]) -> Bool { order.map { array.shape[$0] } == shape }
    if let given = mapping.kernelOrder { return given }
    if layer.dataFormat == "th" { return .theano }
    return !fits(fromTensorFlow) && fits(Array(0..<rank)) ? .theano : .tensorflow
  }

  /// A convolution's kernel to (out, in, …): its spatial axes are all but two.
  private func kernel(_ array: StoredArray, _ shape: [Int]?) -> StoredArray {
    var array = array
    if array.shape.count == 4, layer.inner.kind.map({ $0.hasSuffix("1D") }) ?? false {
      // Keras 1 convolves signals as images one element wide.
      let rest = array.shape[1] == 1 ? [0, 2, 3] : [0, 1, 2]
      array = array.reshaped(to: rest.map { array.shape[$0] }) ?? array
    }
    return KerasLayout.convolutionWeight(array, order: kernelOrder(array, shape), flips: flips)
  }
}
