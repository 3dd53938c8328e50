/// What an array is to its Keras layer.
enum KerasPart: Hashable {
  case kernel, recurrentKernel, depthwiseKernel, pointwiseKernel, embedding, bias
  /// Of a normalisation: gamma, beta, and running statistics.
  case scale, shift, mean, variance
  /// The slopes of a PReLU.
  case slope
  /// One gate's part of a Keras 1 layer, such as `W_i`.
  case gate(Gate, KerasGatePart)

  enum Gate: String, CaseIterable { case i, c, f, o, z, r, h }
}

enum KerasGatePart: String {
  case kernel = "W"
  case recurrentKernel = "U"
  case bias = "b"
}

/// What kind of layer arrays belong to, as far as their layout depends on it.
enum KerasFamily {
  case dense, convolution, depthwise, separable, batchNormalization, normalization, embedding, recurrent, slope

  /// - Parameter kind: a class, `Conv2D` or Keras 1's `Convolution2D`, or Keras 3's name for its group, `conv2d`.
  init?(kind: String) {
    switch kind.filter({ $0 != "_" }).lowercased() {
    case "dense", "timedistributeddense": self = .dense
    case "conv1d", "conv2d", "conv3d", "convolution1d", "convolution2d", "convolution3d", "atrousconvolution1d",
      "atrousconvolution2d", "conv1dtranspose", "conv2dtranspose", "conv3dtranspose", "deconvolution2d",
      "convolution2dtranspose":
      self = .convolution
    case "depthwiseconv1d", "depthwiseconv2d": self = .depthwise
    case "separableconv1d", "separableconv2d", "separableconvolution2d": self = .separable
    case "batchnormalization", "batchnormalizationv1": self = .batchNormalization
    case "layernormalization", "groupnormalization": self = .normalization
    case "embedding": self = .embedding
    case "lstm", "gru", "simplernn": self = .recurrent
    case "prelu": self = .slope
    default: return nil
    }
  }

  /// The parts in the order in which the layer makes its arrays, without those that its settings leave out.
  func parts(_ configuration: JSONValue?) -> [KerasPart] {
    func has(_ names: String...) -> Bool {
      names.allSatisfy { configuration?[$0]?.boolean ?? true }
    }
    switch self {
    case .dense, .convolution: return has("use_bias", "bias") ? [.kernel, .bias] : [.kernel]
    case .depthwise: return has("use_bias") ? [.depthwiseKernel, .bias] : [.depthwiseKernel]
    case .separable:
      return [.depthwiseKernel, .pointwiseKernel] + (has("use_bias", "bias") ? [.bias] : [])
    case .batchNormalization:
      return (has("scale") ? [.scale] : []) + (has("center") ? [.shift] : []) + [.mean, .variance]
    case .normalization: return (has("scale") ? [.scale] : []) + (has("center") ? [.shift] : [])
    case .embedding: return [.embedding]
    case .recurrent: return [.kernel, .recurrentKernel] + (has("use_bias") ? [.bias] : [])
    case .slope: return [.slope]
    }
  }
}

extension KerasModel {
  /// The entries that are batch-norm statistics, under the file's names and with dots for slashes.
  var statisticPaths: Set<String> {
    var paths: Set<String> = []
    for layer in layers {
      for (part, weight) in zip(layer.parts(of: layer.weights) ?? [], layer.weights) {
        guard part == .mean || part == .variance else { continue }
        paths.insert(weight.path)
        paths.insert(String(weight.path.map { $0 == "/" ? "." : $0 }))
      }
    }
    return paths
  }
}

extension KerasModel.Layer {
  /// The layer that another wraps: Bidirectional and TimeDistributed have none of their own arrays.
  var inner: (kind: String?, configuration: JSONValue?) {
    guard let layer = configuration?["layer"] else { return (kind, configuration) }
    return (layer["class_name"]?.text ?? kind, layer["config"])
  }

  var isBidirectional: Bool { kind.map { $0.lowercased() == "bidirectional" } ?? false }

  /// The arrays of both directions; all of them are forward's where the layer has one.
  var directions: [(isBackward: Bool, weights: [KerasModel.Weight])] {
    let backward = weights.filter { isBackward($0) }
    if !backward.isEmpty, backward.count < weights.count {
      return [(false, weights.filter { !isBackward($0) }), (true, backward)]
    }
    guard isBidirectional, weights.count % 2 == 0 else { return [(false, weights)] }
    let half = weights.count / 2
    return [(false, Array(weights.prefix(half))), (true, Array(weights.suffix(half)))]
  }

  private func isBackward(_ weight: KerasModel.Weight) -> Bool {
    weight.name.split(separator: "/").contains { $0 == "backward" || $0.hasPrefix("backward_") }
  }

  /// What each array is: by name where all names are known and differ, else by the layer's class, else by rank and order.
  /// Nil where none of these tells.
  func parts(of weights: [KerasModel.Weight]) -> [KerasPart]? {
    let (kind, configuration) = inner
    let family = kind.flatMap(KerasFamily.init(kind:))
    let named = weights.compactMap { Self.part(named: $0.name, family) }
    if named.count == weights.count, Set(named).count == named.count { return named }
    if let family {
      let parts = family.parts(configuration)
      if parts.count == weights.count { return parts }
      if family == .recurrent, let gates = Self.gates(weights.count) { return gates }
    }
    let ranks = weights.map(\.array.shape.count)
    switch ranks {
    case [1, 1, 1, 1]: return [.scale, .shift, .mean, .variance]
    case [2, 2, 1], [2, 2, 2]:
      let recurrent = weights[1].array.shape
      return recurrent[1] % max(1, recurrent[0]) == 0 ? [.kernel, .recurrentKernel, .bias] : nil
    default: break
    }
    switch (ranks.count, ranks.first ?? 0, ranks.last ?? 0) {
    case (1, 2..., _): return [.kernel]
    case (2, 2..., 1): return [.kernel, .bias]
    default: return nil
    }
  }

  /// Keras 1 kept the arrays of every gate, in this order.
  private static func gates(_ count: Int) -> [KerasPart]? {
    let order: [KerasPart.Gate]
    switch count {
    case 12: order = [.i, .c, .f, .o]
    case 9: order = [.z, .r, .h]
    default: return nil
    }
    return order.flatMap { gate in
      [.gate(gate, .kernel), .gate(gate, .recurrentKernel), .gate(gate, .bias)]
    }
  }

  private static func part(named name: String, _ family: KerasFamily?) -> KerasPart? {
    var last = name.split(separator: "/").last ?? ""
    if let colon = last.lastIndex(of: ":"), last[last.index(after: colon)...].allSatisfy(\.isNumber) {
      last = last[..<colon]
    }
    for gate in KerasPart.Gate.allCases {
      for part in [KerasGatePart.kernel, .recurrentKernel, .bias] where last.hasSuffix("_\(part.rawValue)_\(gate)") {
        return .gate(gate, part)
      }
    }
    // Longer ends first: what ends with "depthwise_kernel" ends with "kernel", too.
    let known: [(String, KerasPart)] = [
      ("depthwise_kernel", .depthwiseKernel), ("recurrent_kernel", .recurrentKernel),
      ("pointwise_kernel", .pointwiseKernel), ("kernel", .kernel), ("embeddings", .embedding), ("bias", .bias),
      ("gamma", .scale), ("beta", .shift), ("moving_mean", .mean), ("moving_variance", .variance),
      ("running_mean", .mean), ("running_std", .variance), ("alpha", .slope), ("alphas", .slope),
      ("W", family == .embedding ? .embedding : .kernel), ("U", .recurrentKernel), ("b", .bias),
    ]
    guard let part = known.first(where: { last == $0.0 || last.hasSuffix("_" + $0.0) })?.1 else { return nil }
    return family == .depthwise && part == .kernel ? .depthwiseKernel : part
  }
}
