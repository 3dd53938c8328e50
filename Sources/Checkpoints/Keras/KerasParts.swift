import AviaryDiagnostics

/// The role of an array in its Keras layer.
package enum KerasPart: Hashable, Sendable {
  case kernel, recurrentKernel, depthwiseKernel, pointwiseKernel, embedding, bias
  /// Of a normalisation: gamma, beta, and running statistics.
  case scale, shift, mean, variance
  /// The slopes of a PReLU.
  case slope
  /// One gate's array in a Keras 1 layer, such as `W_i`.
  case gate(Gate, KerasGatePart)
  /// One of the four projections of a multi-head attention.
  case projection(Projection, isBias: Bool)
  /// What an attention multiplies its scores by: inside of the function, and outside.
  case factor, outerFactor
  /// How many values the statistics of a Normalization are of, which nothing depends on.
  case count

  package enum Gate: String, CaseIterable, Sendable { case i, c, f, o, z, r, h }
  package enum Projection: String, CaseIterable, Sendable {
    case query, key, value, output

    /// By a part of an array's name: `query`, `query_dense`, `attention_output`.
    init?(_ name: some StringProtocol) {
      switch name {
      case "query", "query_dense": self = .query
      case "key", "key_dense": self = .key
      case "value", "value_dense": self = .value
      case "attention_output", "output_dense": self = .output
      default: return nil
      }
    }
  }

  /// The cell that the array fills, below the path of its layer.
  ///
  /// - Parameter isSeparable: whether the layer is a separable convolution, which is two layers here.
  package func cell(isSeparable: Bool) -> String {
    switch self {
    case .depthwiseKernel where isSeparable: "depthwise.weight"
    case .pointwiseKernel: "pointwise.weight"
    case .bias where isSeparable: "pointwise.bias"
    case .kernel, .depthwiseKernel, .embedding, .scale, .slope, .recurrentKernel, .gate: "weight"
    case .bias, .shift: "bias"
    case .mean: "running_mean"
    case .variance: "running_var"
    case .projection(let projection, let isBias): "\(projection.rawValue).\(isBias ? "bias" : "weight")"
    case .factor: "scale"
    case .outerFactor: "score_weight"
    case .count: "count"
    }
  }
}

package enum KerasGatePart: String, Sendable {
  case kernel = "W"
  case recurrentKernel = "U"
  case bias = "b"
}

extension KerasModel {
  /// The paths of batch-norm statistics, with the file's names and with dots for slashes.
  var statisticPaths: ExactSet {
    var paths = ExactSet()
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
  /// The wrapped layer, if there is one: Bidirectional and TimeDistributed have no arrays of their own.
  var inner: (kind: String?, configuration: JSONValue?) {
    guard let layer = configuration?["layer"] else { return (kind, configuration) }
    return (layer["class_name"]?.text ?? kind, layer["config"])
  }

  var isBidirectional: Bool { kind.map { $0.lowercased() == "bidirectional" } ?? false }

  /// The arrays of both directions; all of them are the forward direction's if the layer has only one.
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

  /// The role of each array: by name if all names are known and differ, else by the layer's class, else by rank and order.
  /// Nil if none of these identifies them.
  func parts(of weights: [KerasModel.Weight]) -> [KerasPart]? {
    let (kind, configuration) = inner
    let family = kind.flatMap(KerasFamily.init(kind:))
    if family == .attention { return Self.projections(weights) }
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

  /// The arrays of a multi-head attention, whose names say which projection they are of; a bias has one axis less.
  private static func projections(_ weights: [KerasModel.Weight]) -> [KerasPart]? {
    var parts: [KerasPart] = []
    for weight in weights {
      let names = weight.name.split(separator: "/").dropLast()
      guard let projection = names.lazy.reversed().compactMap({ KerasPart.Projection($0) }).first else { return nil }
      parts.append(.projection(projection, isBias: weight.array.shape.count < 3))
    }
    return Set(parts).count == parts.count ? parts : nil
  }

  /// Keras 1 stores the arrays of every gate, in this order.
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
    // Longer ends first: a name that ends with "depthwise_kernel" also ends with "kernel".
    let known: [(String, KerasPart)] = [
      ("depthwise_kernel", .depthwiseKernel), ("recurrent_kernel", .recurrentKernel),
      ("pointwise_kernel", .pointwiseKernel), ("kernel", .kernel), ("embeddings", .embedding), ("bias", .bias),
      ("gamma", .scale), ("beta", .shift), ("moving_mean", .mean), ("moving_variance", .variance),
      ("running_mean", .mean), ("running_std", .variance), ("alpha", .slope), ("alphas", .slope),
      ("scale", .factor), ("concat_score_weight", .outerFactor),
      ("W", family == .embedding ? .embedding : .kernel), ("U", .recurrentKernel), ("b", .bias),
    ]
    if family == .statistics, let part = ["mean": KerasPart.mean, "variance": .variance, "count": .count][last] {
      return part
    }
    guard let part = known.first(where: { last == $0.0 || last.hasSuffix("_" + $0.0) })?.1 else { return nil }
    return family == .depthwise && part == .kernel ? .depthwiseKernel : part
  }
}
