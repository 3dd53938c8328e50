// All that a network puts out, by name, and what each output means.

import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// What a Keras network puts out for some inputs, of one of its outputs.
public struct KerasResult {
  /// The name of the layer that it comes from.
  public let name: String
  /// What the numbers mean.
  public let meaning: KerasNetwork.Configuration.Output
  /// Probabilities of classes, [N, classes], of which a network with one probability has two; otherwise Keras's own numbers,
  /// [N, C, …].
  public let tensor: Tensor
  /// Whether Keras, too, has channels before positions, and not after them.
  public let isChannelsFirst: Bool

  /// An output with its meaning.
  public init(
    name: String, meaning: KerasNetwork.Configuration.Output, tensor: Tensor, isChannelsFirst: Bool = false
  ) {
    self.name = name
    self.meaning = meaning
    self.tensor = tensor
    self.isChannelsFirst = isChannelsFirst
  }
}

extension KerasNetwork.Configuration {
  /// What an output is.
  public struct NamedOutput: Sendable {
    /// The name of the output.
    public let name: String
    /// What the numbers mean.
    public let meaning: Output
    /// Whether it may be anything, several numbers of a linear layer, and is taken for scores of classes.
    public let assumesScores: Bool
    /// The activation that makes it, where that is the last to compute something.
    let activation: KerasFunction
    let isMixture: Bool
    /// How many numbers or probabilities there are, where that is known.
    public let count: Int?
    /// Whether Keras has channels before positions.
    let isChannelsFirst: Bool
  }

  /// What the network puts out, in the order of the model.
  public var namedOutputs: [NamedOutput] {
    let references = results ?? [KerasReference(layers.last?.name ?? "output")]
    return references.enumerated().map { place, reference in
      var alone = self
      if results != nil { alone.results = [reference] }
      let end = alone.known
      let isTwice = references.count { $0.name == reference.name } > 1
      return NamedOutput(
        name: isTwice ? "\(reference.name)_\(place)" : reference.name, meaning: end.output,
        assumesScores: alone.assumesScores, activation: end.activation, isMixture: end.isMixture,
        count: end.output == .probability ? 2 : end.shape.count,
        isChannelsFirst: channelsFirst?.contains(place) ?? false)
    }
  }

  /// Whether what a text becomes depends on the longest text of its batch.
  public var dependsOnBatch: Bool {
    layers.contains { ($0.operation as? KerasTextVectorization)?.dependsOnBatch ?? false }
  }
}

extension KerasNetwork {
  /// All outputs for inputs that `Configuration.validate(inputs:)` takes, in inference.
  ///
  /// - Parameter areNumbers: whether what may be anything is no score of classes.
  public func results(_ inputs: [Tensor], areNumbers: Bool = false) -> [KerasResult] {
    let tensors = inference { outputs(inputs) }
    return zip(configuration.namedOutputs, tensors).map { output, tensor in
      let isNumbers = areNumbers && output.assumesScores
      return KerasResult(
        name: output.name, meaning: isNumbers ? .values : output.meaning,
        tensor: isNumbers ? tensor : inference { Self.probabilities(output, tensor) },
        isChannelsFirst: output.isChannelsFirst)
    }
  }

  /// A token that is no row of the embedding that looks it up.
  public struct UnknownToken: Hashable, Sendable {
    /// The token as the embedding is given it.
    public let token: Float
    /// The embedding's name.
    public let layer: String
    /// How many rows it has, which are numbered from 0.
    public let rows: Int
  }

  /// The first token that is no row of its embedding and makes the outputs of these inputs NaN; nil where there is none.
  public func unknownToken(_ inputs: [Tensor]) -> UnknownToken? {
    guard let plan = try? configuration.plan(from: configuration.shapes) else { return nil }
    for (place, layer) in configuration.layers.enumerated() {
      guard let table = layer.operation as? KerasEmbedding else { continue }
      let given = inference { KerasProgram(plan, to: plan.inputs[place]).run(inputs, modules) }
      if let token = given.lazy.flatMap(\.scalars).first(where: { !table.has($0) }) {
        return UnknownToken(token: token, layer: layer.name, rows: table.symbols)
      }
    }
    return nil
  }

  private static func probabilities(_ output: Configuration.NamedOutput, _ x: Tensor) -> Tensor {
    switch (output.meaning, output.activation) {
    case (.values, _): return x
    case (.probability, _):
      let row = x.flattened()
      return concatenated([1 - row, row], axis: 1)
    case (.classes, .linear) where !output.isMixture: return softmax(x.flattened())
    case (.classes, .logSoftmax): return exp(x.flattened())
    case (.classes, _): return x.flattened()
    }
  }
}
