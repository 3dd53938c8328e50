// A Keras model, as its file describes it.
//
// Chollet et al., Keras, 2015: Sequential and functional models, and models among the layers of others. The configuration
// lists the layers in the order in which they work; KerasGraphReader.swift makes it of what Keras writes. A chain, in which
// every layer takes the output of the one before, is a graph that does not say so. Left out: layers of a person's own code,
// and dropout inside of recurrent layers. Feature maps are [N, C, …] whatever Keras's order was.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryModels
import AviaryTensors

/// The layers of a Keras model. Inputs are rows [N, F], sequences [N, T, F], images [N, C, H, W] or volumes
/// [N, C, D, H, W]; tokens are rows of whole numbers. A model of rows also takes images with as many numbers, in Keras's
/// order, and a model of sequences takes images as sequences of their lines. A model of several inputs that are rows takes
/// them side by side in one row; others are given theirs by `outputs`.
public struct KerasNetwork: Classifier {
  /// The name of chains in checkpoints.
  public static let architecture = "keras-chain"
  /// The name of other graphs in checkpoints.
  public static let graphArchitecture = "keras-graph"

  static let entries = [
    Architecture(
      architecture, "the chain of layers that a Keras file describes", KerasNetwork.self, .empty, input: [1],
      kinds: [.images, .tables]),
    Architecture(
      graphArchitecture, "the graph of layers that a Keras file describes", KerasNetwork.self, .empty, input: [1],
      kinds: [.images, .tables]),
  ]

  public let configuration: Configuration
  let modules: [KerasModule]
  private let ending: Configuration.Ending
  /// What makes the input of the head, and what makes all that the network puts out.
  private let backbone: KerasProgram
  private let whole: KerasProgram
  /// Where features are a row of feature maps with channels first, which Keras has last: the number of channels.
  private let flattened: Int?

  public var headPath: String { ending.headPath }

  public init(_ configuration: Configuration) {
    guard let plan = try? configuration.plan(from: configuration.shapes) else {
      stopProgram("\(configuration.name): the configuration has not been validated")
    }
    self.configuration = configuration
    ending = configuration.ending(of: plan)
    var modules: [KerasModule] = []
    for (place, layer) in configuration.layers.enumerated() {
      modules.append(plan.owners[place].map { modules[$0] } ?? layer.module(on: plan.inputShapes(of: place)))
    }
    self.modules = modules
    backbone = KerasProgram(plan, to: [ending.features])
    whole = KerasProgram(plan, to: plan.results)
    flattened = ending.place.flatMap { [configuration] in configuration.flattened(before: $0, plan) }
  }

  public var children: [Child] {
    zip(configuration.layers, modules).filter { $0.0.shares == nil }.map { Child($0.name, $1.layer) }
  }

  /// The input of the last layer that has weights; where that cannot be replaced, of all layers after it.
  public func features(_ x: Tensor) -> Tensor { backbone.run(arranged(x), modules)[0] }

  /// Scores whose softmax is the probabilities that Keras computes; or Keras's outputs, if they are not probabilities.
  public func head(_ features: Tensor) -> Tensor {
    func scores(_ x: Tensor) -> Tensor {
      ending.head.reduce(x) { y, place in
        guard case .unary(let module) = modules[place] else { return y }
        let isScore = place == ending.place && !ending.isMixture && ending.output != .values
        return isScore ? (module as? Activated)?.layer(y) ?? module(y) : module(y)
      }
    }
    /// Of probabilities, kept above zero so that it is finite.
    func logarithm(_ x: Tensor) -> Tensor { log(x.clamped(to: .leastNormalMagnitude...1)) }
    let x = scores(features)
    switch ending.output {
    case .values: return x
    case .classes: return ending.isMixture ? logarithm(x) : x
    case .probability where ending.isMixture: return concatenated([logarithm(1 - x), logarithm(x)], axis: 1)
    case .probability: return concatenated([Tensor(zeros: x.shape), x], axis: 1)
    }
  }

  /// The scores, but of a network with one output z, whose scores are 0 and z, the logarithms of the odds: −z and z.
  public func evidence(_ logits: Tensor) -> Tensor {
    ending.output == .probability && !ending.isMixture ? logits - logits.reversed(axis: 1) : logits
  }

  /// The rows that a Flatten makes of feature maps, with the channels of a position side by side, as Keras has them.
  public func originalOrder(ofFeatures features: Tensor) -> Tensor {
    guard let flattened, features.rank == 2 else { return features }
    return features.reshaped(to: [features.shape[0], flattened, -1]).channelsLast().flattened()
  }

  public var hasChannelsFirst: Bool { configuration.channelsFirst?.contains(0) ?? false }

  /// Keras's own outputs, with the activation at the end. Of several, the first.
  public func outputs(_ x: Tensor) -> Tensor { whole.run(arranged(x), modules)[0] }

  /// All of Keras's outputs for all inputs, each [N, C, …] and in the order of the model.
  public func outputs(_ inputs: [Tensor]) -> [Tensor] {
    let expected = configuration.inputs
    let fits =
      inputs.count == expected.count
      && zip(inputs, expected).allSatisfy { x, input in
        x.count > 0 && x.rank == input.shape.count + 1
          && zip(x.shape.dropFirst(), input.shape).allSatisfy { $1 == nil || $0 == $1 }
      }
    ensure(fits, "\(configuration.name): inputs \(inputs.map(\.shape)) do not go with \(expected.map(\.shape))")
    return whole.run(inputs, modules)
  }

  /// The inputs as [N, C, …].
  private func arranged(_ x: Tensor) -> [Tensor] {
    let given = Array(x.shape.dropFirst())
    guard x.count > 0, configuration.taken(given) != nil else {
      stopProgram(
        "\(configuration.name): an input of shape \(x.shape) does not go with [N, …] of \(configuration.inputs.map(\.shape))"
      )
    }
    if let widths = configuration.widths { return x.split(sizes: widths, axis: 1) }
    switch (configuration.input.count, given.count) {
    case (2, 2): return [x.channelsFirst()]
    case (2, 3): return [x.reshaped(to: [x.shape[0]] + given.dropFirst()).channelsFirst()]
    case (1, 3): return [x.channelsLast().flattened()]
    default: return [x]
    }
  }
}

extension Registry {
  /// The zoo, and the networks that Keras files describe; nobody asks for these by name. A program adds its own networks:
  /// `Registry.standard.adding(…)`.
  public static let standard = KerasNetwork.entries.reduce(Registry.zoo) { $0.adding($1, listed: false) }
}
