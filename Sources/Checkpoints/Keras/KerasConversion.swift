import AviaryArchives

/// An array of a network that was made of arrays of a Keras layer.
struct KerasConvertedArray {
  /// Of the network's cell.
  let path: String
  let array: StoredArray
  /// What it was made of.
  let conversions: [LoadReport.Conversion]

  /// - Parameters:
  ///   - sources: the names of the file's arrays; empty where one of zeros was added.
  ///   - rearranged: the shape in the file, where elements are in another order.
  init(_ path: String, _ array: StoredArray, from sources: [String], rearranged: [Int]? = nil) {
    self.path = path
    self.array = array
    let origin: LoadReport.Conversion =
      switch sources.count {
      case 0: .filled(path: path, value: 0)
      case 1: .renamed(path: path, from: sources[0])
      default: .joined(path: path, from: sources)
      }
    conversions = [origin] + (rearranged.map { [.rearranged(path: path, from: $0)] } ?? [])
  }
}

/// One Keras layer's arrays on their way to the cells of a network: under PyTorch's names and in its layouts.
struct KerasLayerConversion {
  let layer: KerasModel.Layer
  /// Path of the layer in the network.
  let target: String
  let model: KerasModel
  let mapping: KerasMapping
  /// How many channels the feature maps have that a Flatten before the layer has made rows of, where it has: Keras counts
  /// them last, and a network here first.
  let flattened: Int?
  let path: String

  func fault(_ reason: String) -> CheckpointFault { .kerasLayer(path: path, layer: layer.name, reason: reason) }

  /// The arrays of the cells, in the network's layout.
  ///
  /// - Parameter shape: of a cell that the network has.
  func arrays(_ shape: (String) -> [Int]?) throws(CheckpointFault) -> [KerasConvertedArray] {
    var result: [KerasConvertedArray] = []
    for (isBackward, weights) in layer.directions {
      guard let parts = layer.parts(of: weights) else {
        let list = weights.map { "\($0.name) \($0.array.shape)" }.joined(separator: ", ")
        let kind = layer.kind.map { "a \($0)" } ?? "a layer"
        throw fault("\(kind) with the arrays \(list) is not supported")
      }
      let arrays = Dictionary(zip(parts, weights.map(\.array)), uniquingKeysWith: { first, _ in first })
      if parts.contains(.recurrentKernel) || parts.contains(where: { if case .gate = $0 { true } else { false } }) {
        let names = zip(parts, weights).map { (part: $0, name: $1.path) }
        result += try recurrent(arrays, names, suffix: isBackward ? "_l0_reverse" : "_l0")
        continue
      }
      let isSeparable = arrays[.pointwiseKernel] != nil
      for (part, weight) in zip(parts, weights) {
        let name = "\(target).\(Self.cellName(part, isSeparable: isSeparable))"
        let array = try converted(weight, part, shape(name))
        let isMoved = weight.array.shape.count > 1 && part != .embedding && !keepsOrder(weight.array, part, shape(name))
        result.append(
          .init(name, array, from: [weight.path], rearranged: isMoved ? weight.array.shape : nil))
      }
    }
    return result
  }

  private static func cellName(_ part: KerasPart, isSeparable: Bool) -> String {
    switch part {
    case .depthwiseKernel where isSeparable: "depthwise.weight"
    case .pointwiseKernel: "pointwise.weight"
    case .bias where isSeparable: "pointwise.bias"
    case .kernel, .depthwiseKernel, .embedding, .scale, .slope, .recurrentKernel, .gate: "weight"
    case .bias, .shift: "bias"
    case .mean: "running_mean"
    case .variance: "running_var"
    }
  }

  private func converted(
    _ weight: KerasModel.Weight, _ part: KerasPart, _ shape: [Int]?
  ) throws(CheckpointFault) -> StoredArray {
    let array = weight.array
    let rank = array.shape.count
    switch (part, rank) {
    case (.kernel, 2): return dense(array)
    case (.kernel, 3...5), (.pointwiseKernel, 3...5): return kernel(array, shape)
    case (.depthwiseKernel, 3...5):
      // (k…, in, multiplier) to (in · multiplier, 1, k…)
      let spatial = Array(0..<rank - 2)
      let turned = array.permuted([rank - 2, rank - 1] + spatial, flipping: flips ? spatial : [])
      let extents = turned.shape
      return turned.reshaped(to: [extents[0] * extents[1], 1] + extents.dropFirst(2)) ?? turned
    case (.slope, 1...4): return slopes(array, shape)
    case (.embedding, 2), (_, 1): return array
    default: throw fault("array '\(weight.name)' of shape \(array.shape) is not supported")
    }
  }

  /// (in, out) to (out, in); after a Flatten of feature maps (positions · channels, out) to (out, channels · positions).
  private func dense(_ array: StoredArray) -> StoredArray {
    let (rows, outputs) = (array.shape[0], array.shape[1])
    guard let channels = flattened, channels > 0, rows % channels == 0,
      let apart = array.reshaped(to: [rows / channels, channels, outputs])
    else { return array.permuted([1, 0]) }
    let turned = apart.permuted([2, 1, 0])
    return turned.reshaped(to: [outputs, rows]) ?? turned
  }

  /// Whether a kernel or PReLU's slopes have their elements in the network's order already.
  private func keepsOrder(_ array: StoredArray, _ part: KerasPart, _ shape: [Int]?) -> Bool {
    switch part {
    case .kernel, .pointwiseKernel:
      (3...5).contains(array.shape.count) && !flips && kernelOrder(array, shape) == .theano
    case .slope: layer.dataFormat == "channels_first"
    default: false
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
    let rank = array.shape.count
    let spatial = rank - 2
    return switch kernelOrder(array, shape) {
    case .tensorflow:
      array.permuted([rank - 1, rank - 2] + Array(0..<spatial), flipping: flips ? Array(0..<spatial) : [])
    case .theano: array.permuted(Array(0..<rank), flipping: flips ? Array(2..<rank) : [])
    }
  }

  /// A PReLU's slopes, (positions…, channels), to (channels, positions…); to (channels) where positions share them.
  private func slopes(_ array: StoredArray, _ shape: [Int]?) -> StoredArray {
    let rank = array.shape.count
    guard rank > 1, layer.dataFormat != "channels_first" else { return array }
    let turned = array.permuted([rank - 1] + Array(0..<rank - 1))
    guard shape?.count == 1, array.count == turned.shape[0] else { return turned }
    return turned.reshaped(to: [turned.shape[0]]) ?? turned
  }
}
