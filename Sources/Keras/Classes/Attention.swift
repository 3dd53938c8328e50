// Attention: of one head, additive, and of several heads. Sequences are [C, T].

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// Attention and AdditiveAttention.
struct KerasAttention: KerasLayerClass {
  enum Score: String, Codable, Sendable { case product, concatenation, addition }

  static let key = "attention"
  static let classes = ["Attention", "AdditiveAttention"]
  var score: Score
  var scales: Bool
  var inputs: KerasAttentionInputs

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let isAdditive = source.kind == "AdditiveAttention"
    let mode = try source.word("score_mode") ?? "dot"
    guard isAdditive || ["dot", "concat"].contains(mode) else {
      throw source.unsupported("score_mode '\(mode)' is not supported")
    }
    _ = try graph.noteDropout(of: source)
    return Self(
      score: isAdditive ? .addition : mode == "dot" ? .product : .concatenation,
      scales: try source.flag("use_scale", default: isAdditive),
      inputs: try KerasAttentionInputs(of: source, &graph, masksKey: false))
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    let sequences = try self.inputs.checked(inputs)
    try require(
      sequences[0].channels == sequences[2].channels,
      "its query and key have \(sequences[0].channels ?? 0) and \(sequences[2].channels ?? 0) channels")
    return [KerasShape(channels: sequences[1].channels, positions: sequences[0].positions)]
  }

  func module(on inputs: [KerasShape]) -> KerasModule {
    .joining(Attending(self, channels: inputs[0].channels ?? 1))
  }

  var parts: [KerasPart] { (scales ? [.factor] : []) + (score == .concatenation ? [.outerFactor] : []) }
  var effect: KerasEffect { .mixes }
  var keepsMask: Bool { true }

  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])] {
    let arrays = parts.compactMap { weights.array($0.cell(isSeparable: false)) }
    return [("", score == .addition ? arrays : arrays.map { $0.reshaped(to: []) ?? $0 })]
  }

  private struct Attending: JoiningLayer {
    let settings: KerasAttention
    let scale: Parameter?
    let scoreWeight: Parameter?
    let site = Site()

    init(_ settings: KerasAttention, channels: Int) {
      self.settings = settings
      scale =
        settings.scales
        ? Parameter(shape: [settings.score == .addition ? channels : 1], initializer: .constant(1)) : nil
      scoreWeight = settings.score == .concatenation ? Parameter(shape: [1], initializer: .constant(1)) : nil
    }

    var children: [Child] {
      [scale.map { Child("scale", $0) }, scoreWeight.map { Child("score_weight", $0) }].compactMap { $0 }
        + [Child("site", site)]
    }

    func forward(_ inputs: [Tensor]) -> [Tensor] {
      let (query, value, key, penalty, queryMask) = settings.inputs.arranged(inputs, penalty: 1e9)
      var scores: Tensor
      if settings.score == .product {
        scores = matmul(query, key.transposed([0, 2, 1]))
        if let scale { scores = scores * scale.tensor }
      } else {
        // [N, T, S, C]
        let sums =
          query.reshaped(to: [query.shape[0], query.shape[1], 1, query.shape[2]])
          + key.reshaped(to: [key.shape[0], 1, key.shape[1], key.shape[2]])
        if settings.score == .addition {
          let bent = tanh(sums)
          scores = (scale.map { bent * $0.tensor } ?? bent).sum(over: [3])
        } else {
          scores = tanh(scale.map { sums * $0.tensor } ?? sums).sum(over: [3])
          if let scoreWeight { scores = scores * scoreWeight.tensor }
        }
      }
      if let penalty { scores = scores + penalty }
      var y = matmul(softmax(scores), value)
      if let queryMask { y = y * queryMask.reshaped(to: queryMask.shape + [1]) }
      return [y.transposed([0, 2, 1])]
    }
  }
}

struct KerasMultiHeadAttention: KerasLayerClass {
  static let key = "multiHeadAttention"
  static let classes = ["MultiHeadAttention"]
  var heads: Int
  /// The widths of a head's keys and values.
  var width: Int
  var valueWidth: Int
  /// The channels of the output; nil for those of the query.
  var channels: Int?
  var bias: Bool
  var inputs: KerasAttentionInputs
  /// Whether a step that no step counts for looks at none, in place of all alike; nil for no, as in older files.
  var emptiesRows: Bool?

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    for name in ["use_gate", "sliding_window"] {
      let value = source.setting(name)
      guard value == nil || value == .boolean(false) else { throw source.unsupported("\(name) is not supported") }
    }
    if let axes = try source.integers("attention_axes"), axes != [1] {
      throw source.unsupported("attention_axes \(axes) are not supported")
    }
    let width = try source.count("key_dim")
    let output = try source.integers("output_shape")
    guard output?.count ?? 1 == 1 else { throw source.unsupported("its output_shape is not one number") }
    var emptiesRows: Bool?
    if try graph.noteDropout(of: source), source.version.emptiesMaskedRows { emptiesRows = true }
    return Self(
      heads: try source.count("num_heads"), width: width, valueWidth: try source.integer("value_dim") ?? width,
      channels: output?.first, bias: try source.bias,
      inputs: try KerasAttentionInputs(of: source, &graph, masksKey: true), emptiesRows: emptiesRows)
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    let sequences = try self.inputs.checked(inputs)
    try require("num_heads", heads, in: 1...4096)
    try require("key_dim", width, in: 1...65_536)
    try require("value_dim", valueWidth, in: 1...65_536)
    if let channels { try require("output_shape", channels) }
    return [KerasShape(channels: channels ?? sequences[0].channels, positions: sequences[0].positions)]
  }

  func module(on inputs: [KerasShape]) -> KerasModule {
    let key = self.inputs.hasKey ? inputs[2] : inputs[1]
    return .joining(
      Attending(self, query: inputs[0].channels ?? 1, value: inputs[1].channels ?? 1, key: key.channels ?? 1))
  }

  func extents(of inputs: [KerasShape]) -> [Int?] { inputs.prefix(self.inputs.hasKey ? 3 : 2).map(\.channels) }
  var parts: [KerasPart] { KerasFamily.attention.parts(bias: bias) }
  var effect: KerasEffect { .mixes }
  var keepsMask: Bool { true }

  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])] {
    ["query", "key", "value", "output"].map { name in
      let isOutput = name == "output"
      let kernel = weights.array(name + ".weight").flatMap {
        KerasLayout.projectionKernel($0, isOutput: isOutput, heads: heads)
      }
      let bias = weights.array(name + ".bias").map {
        isOutput ? $0 : $0.reshaped(to: [heads, $0.count / max(1, heads)]) ?? $0
      }
      return (name + "_dense", [kernel, bias].compactMap { $0 })
    }
  }

  private struct Attending: JoiningLayer {
    let settings: KerasMultiHeadAttention
    /// So large that nothing is left of a score that it is added to, as in Keras.
    private static let penalty = 0.7 * Float.greatestFiniteMagnitude

    let query: Linear
    let key: Linear
    let value: Linear
    let output: Linear

    init(_ settings: KerasMultiHeadAttention, query: Int, value: Int, key: Int) {
      func linear(_ inputs: Int, _ outputs: Int) -> Linear {
        Linear(inputs, outputs, bias: settings.bias, initializer: .xavierUniform, biasInitializer: .zeros)
      }
      self.settings = settings
      self.query = linear(query, settings.heads * settings.width)
      self.key = linear(key, settings.heads * settings.width)
      self.value = linear(value, settings.heads * settings.valueWidth)
      output = linear(settings.heads * settings.valueWidth, settings.channels ?? query)
    }

    var children: [Child] {
      [Child("query", query), Child("key", key), Child("value", value), Child("output", output)]
    }

    func forward(_ inputs: [Tensor]) -> [Tensor] {
      let (q, v, k, penalty, queryMask) = settings.inputs.arranged(inputs, penalty: Self.penalty)
      let heads = settings.heads
      /// [N, T, H · d] → [N, H, T, d]
      func apart(_ x: Tensor) -> Tensor {
        x.reshaped(to: [x.shape[0], x.shape[1], heads, x.shape[2] / heads]).transposed([0, 2, 1, 3])
      }
      let queries = apart(query(q)) * (1 / Float(settings.width).squareRoot())
      var scores = matmul(queries, apart(key(k)).transposed([0, 1, 3, 2]))
      var all = penalty
      if let queryMask {
        // The scores of a step that does not count are all the same.
        let rows = (queryMask.reshaped(to: queryMask.shape + [1]) - 1) * Self.penalty
        all = minimum(all ?? Tensor(zeros: [1, 1, 1]), rows)
      }
      let added = all.map { $0.reshaped(to: [$0.shape[0], 1] + $0.shape.dropFirst()) }
      if let added { scores = scores + added }
      var shares = softmax(scores)
      if let added, settings.emptiesRows == true { shares = shares.replacing(with: 0, where: added .< 0) }
      let joined = matmul(shares, apart(value(v))).transposed([0, 2, 1, 3])
      let y = output(joined.reshaped(to: [joined.shape[0], joined.shape[1], heads * settings.valueWidth]))
      return [y.transposed([0, 2, 1])]
    }
  }
}

extension KerasGraphBuilder {
  /// Says that an attention has dropout in Keras, and none here.
  ///
  /// - Returns: whether it has.
  fileprivate mutating func noteDropout(of source: KerasLayerDescription) throws(KerasModelFault) -> Bool {
    guard let rate = try source.number("dropout"), rate != 0 else { return false }
    trainingNotes.append(
      "layer '\(source.name)': dropout inside of an attention works in training only and is left out")
    return true
  }
}
