import AviaryArchives

/// An array of a network's cell that was made of arrays of a Keras layer.
struct KerasConvertedArray {
  /// The path of the cell.
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

  /// The arrays of the cells, in the network's layout.
  ///
  /// - Parameter shape: the shape of a cell of the network, by path.
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
      for (part, weight) in zip(parts, weights) where part != .count {
        let name = "\(target).\(part.cell(isSeparable: isSeparable))"
        let array = try converted(weight, part, shape(name))
        let isMoved = weight.array.shape.count > 1 && part != .embedding && !keepsOrder(weight.array, part, shape(name))
        result.append(.init(name, array, from: [weight.path], rearranged: isMoved ? weight.array.shape : nil))
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
    case (.projection(let projection, isBias: false), 3):
      return KerasLayout.projectionWeight(array, isOutput: projection == .output)
    case (.projection(_, isBias: true), 2): return array.reshaped(to: [array.count]) ?? array
    // One number for all channels; statistics are such where a Normalization has the axis None.
    case (.factor, 0), (.outerFactor, 0), (.mean, 0), (.variance, 0): return array.reshaped(to: [1]) ?? array
    // A normalisation over several axes, which are one here.
    case (.scale, 2...4) where shape == [array.count], (.shift, 2...4) where shape == [array.count]:
      return array.reshaped(to: [array.count]) ?? array
    case (.embedding, 2), (_, 1): return array
    default: throw fault("array '\(weight.name)' of shape \(array.shape) is not supported")
    }
  }

  /// Whether a kernel, PReLU's slopes, or the scale of a normalisation have their elements in the network's order already.
  private func keepsOrder(_ array: StoredArray, _ part: KerasPart, _ shape: [Int]?) -> Bool {
    switch part {
    case .kernel, .pointwiseKernel:
      (3...5).contains(array.shape.count) && !flips && kernelOrder(array, shape) == .theano
    case .slope: layer.dataFormat == "channels_first"
    case .scale, .shift: true
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
    return KerasLayout.convolutionWeight(array, order: kernelOrder(array, shape), flips: flips)
  }
}

extension KerasLayerConversion {
  /// The arrays of one direction of a recurrent layer in PyTorch's layouts: rows are gates, and there are two biases.
  ///
  /// Keras orders the gates of an LSTM i, f, c, o, as PyTorch does, and those of a GRU z, r, h, where PyTorch has r, z, n.
  func recurrent(
    _ arrays: [KerasPart: StoredArray], _ names: [(part: KerasPart, name: String)], suffix: String
  ) throws(CheckpointFault) -> [KerasConvertedArray] {
    func sources(_ whole: KerasPart, _ gate: KerasGatePart) -> [String] {
      names.filter { entry in
        if case .gate(_, let part) = entry.part { part == gate } else { entry.part == whole }
      }.map(\.name)
    }
    let whole = try joiningGates(arrays)
    guard let kernel = whole[.kernel], let recurrent = whole[.recurrentKernel], kernel.shape.count == 2,
      recurrent.shape.count == 2, kernel.shape[1] == recurrent.shape[1], recurrent.shape[0] > 0,
      recurrent.shape[1] % recurrent.shape[0] == 0
    else {
      throw fault("its kernels \(arrays.values.map(\.shape)) do not fit a recurrent layer")
    }
    let units = recurrent.shape[0]
    let gates = recurrent.shape[1] / units
    guard [1, 3, 4].contains(gates) else { throw fault("\(gates) gates do not belong to a known recurrent layer") }
    var result: [KerasConvertedArray] = [
      .init(
        "\(target).weight_ih\(suffix)", try gatesTurned(kernel.permuted([1, 0]), gates),
        from: sources(.kernel, .kernel), rearranged: kernel.shape),
      .init(
        "\(target).weight_hh\(suffix)", try gatesTurned(recurrent.permuted([1, 0]), gates),
        from: sources(.recurrentKernel, .recurrentKernel), rearranged: recurrent.shape),
    ]
    guard let bias = whole[.bias] else { return result }
    let (input, own): (StoredArray, StoredArray)
    switch bias.shape {
    case [gates * units]:
      // PyTorch has two biases; the other one adds nothing.
      (input, own) = (bias, bias.filled(with: 0))
      if gates == 3, !mapping.allowsResetBefore {
        throw fault(
          "is a GRU with reset_after=False, which does not compute what this network's does; train it with reset_after=True"
        )
      }
    case [2, gates * units]:
      guard let rows = bias.blocks(2), let first = rows[0].reshaped(to: [gates * units]),
        let second = rows[1].reshaped(to: [gates * units])
      else { throw fault("its bias \(bias.shape) does not divide") }
      (input, own) = (first, second)
    case [2 * gates * units]:
      throw fault("is a CuDNN layer, whose weights have another layout; load it in Keras and save it as a plain layer")
    default: throw fault("a bias of shape \(bias.shape) does not go with \(gates) gates of \(units) units")
    }
    let biases = sources(.bias, .bias)
    let hasBoth = bias.shape.count == 2
    result.append(
      .init(
        "\(target).bias_ih\(suffix)", try gatesTurned(input, gates), from: biases,
        rearranged: gates == 3 || hasBoth ? bias.shape : nil))
    result.append(
      .init(
        "\(target).bias_hh\(suffix)", try gatesTurned(own, gates), from: hasBoth ? biases : [],
        rearranged: hasBoth ? bias.shape : nil))
    return result
  }

  private func gatesTurned(_ array: StoredArray, _ gates: Int) throws(CheckpointFault) -> StoredArray {
    guard let turned = KerasLayout.gates(array, count: gates) else {
      throw fault("an array of shape \(array.shape) does not divide into three gates")
    }
    return turned
  }

  /// Joins Keras 1's arrays, one for each gate, in the order of later versions.
  private func joiningGates(_ arrays: [KerasPart: StoredArray]) throws(CheckpointFault) -> [KerasPart: StoredArray] {
    if arrays[.kernel] != nil { return arrays }
    let isGRU = arrays[.gate(.z, .kernel)] != nil
    let order: [KerasPart.Gate] = isGRU ? [.z, .r, .h] : [.i, .f, .c, .o]
    var result: [KerasPart: StoredArray] = [:]
    for (part, whole) in [
      (KerasGatePart.kernel, KerasPart.kernel), (.recurrentKernel, .recurrentKernel), (.bias, .bias),
    ] {
      let gates = order.compactMap { arrays[.gate($0, part)] }
      let isMatrix = part != .bias
      guard gates.count == order.count, gates.allSatisfy({ $0.shape.count == (isMatrix ? 2 : 1) }),
        let joined = StoredArray.joined(isMatrix ? gates.map { $0.permuted([1, 0]) } : gates)
      else { throw fault("some of its gates are missing, or their shapes differ") }
      result[whole] = isMatrix ? joined.permuted([1, 0]) : joined
    }
    return result
  }
}
