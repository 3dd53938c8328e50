// MLP: the multilayer perceptron.
//
// Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", 1986: fully connected layers, each
// followed by an activation and, where it is wanted, by dropout. It takes rows of numbers, and images as rows of their
// pixels. Its layers are named fc1, fc2, … from the input on.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// Fully connected layers with an activation after each but the last: rows [N, F], or images [N, C, H, W] with C·H·W = F,
/// → [N, classes].
public struct MLP: Classifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: NetworkConfiguration {
    /// How many numbers a row has.
    public var inputs: Int
    /// The widths of the hidden layers, from the input on; none for a linear model.
    public var hidden: [Int]
    /// The activation between layers.
    public var activation: Activation
    /// The rate of dropout after each hidden layer; empty where nothing is dropped.
    public var dropout: [Float]
    /// How often the hidden layers see the data as Boltzmann machines before training begins; nil for networks that are
    /// not pretrained, and take any numbers. See DeepBelief.swift.
    public var pretraining: Int?
    /// How many steps the machines' chains have, whether these persist, and the machines' rate and momentum; nil for
    /// `ContrastiveDivergence`'s own values.
    public var pretrainingSteps: Int?
    /// Whether chains persist from batch to batch in pretraining; nil for the default.
    public var pretrainingPersistent: Bool?
    /// The learning rate of pretraining; nil for the default.
    public var pretrainingRate: Float?
    /// The momentum of pretraining; nil for the default.
    public var pretrainingMomentum: Float?
    /// How many outputs there are: classes, or numbers to estimate.
    public var outputs: Int

    /// A configuration of these values.
    public init(
      inputs: Int, hidden: [Int], activation: Activation = .relu, dropout: [Float]? = nil, pretraining: Int? = nil,
      outputs: Int
    ) {
      self.inputs = inputs
      self.hidden = hidden
      self.activation = activation
      self.dropout = dropout ?? hidden.map { _ in 0 }
      self.pretraining = pretraining
      self.outputs = outputs
    }

    /// As files name the members: a network of classes was the first.
    private enum CodingKeys: String, CodingKey {
      case inputs, hidden, activation, dropout
      case pretraining, pretrainingSteps, pretrainingPersistent, pretrainingRate, pretrainingMomentum
      case outputs = "classes"
    }

    /// 784-256-128-10 with dropout 0.25 after the first layer, for Fashion-MNIST: 235,146 parameters.
    public static let mlp = Configuration(inputs: 784, hidden: [256, 128], dropout: [0.25, 0], outputs: 10)
    /// 784-300-100-10, for MNIST: 266,610 parameters.
    public static let mlp300 = Configuration(inputs: 784, hidden: [300, 100], outputs: 10)
    /// 784-500-250-10, pretrained as a deep belief network of two machines: 520,260 parameters.
    public static let deepBelief = {
      var result = Configuration(
        inputs: 784, hidden: [500, 250], activation: .sigmoid, dropout: [], pretraining: 5, outputs: 10)
      let own = ContrastiveDivergence.Options()
      result.pretrainingSteps = own.steps
      result.pretrainingPersistent = own.isPersistent
      result.pretrainingRate = own.learningRate
      result.pretrainingMomentum = own.momentum
      return result
    }()

    public static var addedLater: Set<String> {
      ["pretrainingSteps", "pretrainingPersistent", "pretrainingRate", "pretrainingMomentum"]
    }

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("inputs", inputs, in: 1...10_000_000)
      try require("classes", outputs, in: 1...1_000_000)
      try require("hidden layers", hidden.count, in: 0...100)
      for width in hidden { try require("hidden", width, in: 1...1_000_000) }
      if !dropout.isEmpty { try require("rates of dropout", dropout.count, in: hidden.count...hidden.count) }
      for rate in dropout { try requireRate("dropout", rate) }
      if let pretraining { try requirePretrainable(epochs: pretraining) }
      guard let input else { return }
      guard !input.isEmpty, input.reduce(1, *) == inputs else {
        throw .wrongInput(architecture: "mlp", input: input, expected: "\(inputs) numbers")
      }
    }

    /// What is pretrained has to be a deep belief network: probabilities in every layer.
    private func requirePretrainable(epochs: Int) throws(ConfigurationFault) {
      try require("pretraining", epochs, in: 0...10_000)
      guard activation == .sigmoid else {
        throw .outOfRange(
          name: "activation", value: activation.name, allowed: "sigmoid where layers are pretrained")
      }
      if let pretrainingSteps { try require("pretrainingSteps", pretrainingSteps, in: 1...10_000) }
      for (name, value) in [("pretrainingRate", pretrainingRate), ("pretrainingMomentum", pretrainingMomentum)] {
        guard let value, !(value >= 0 && value <= 1) else { continue }
        throw .outOfRange(name: name, value: "\(value)", allowed: "0 to 1")
      }
      if epochs > 0 { try DeepBeliefNetwork.Configuration(widths: [inputs] + hidden).validate() }
    }

    public mutating func fit(input: [Int]) { inputs = input.reduce(1, *) }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      let count = shapes.count(from: 1) { "fc\($0).weight" }
      let widths = (1...max(1, count)).compactMap { shapes.outputs(of: "fc\($0).weight") }
      guard let first = shapes.inputs(of: "fc1.weight"), let last = widths.last, widths.count == count else { return }
      (inputs, hidden, outputs) = (first, Array(widths.dropLast()), last)
      let rates = dropout
      complete(changed: ["hidden"])
      if dropout != rates { shapes.assume("dropout") }
    }

    /// Linear layers of one name that are numbered, such as those of a `Sequential`, `0`, `2` and `4`, or `linear1` and
    /// `linear2`, are `fc1`, `fc2`, … in the order of their numbers; one alone is `fc1`.
    public static func ownNames(for paths: [String]) -> [(foreign: String, own: String)] {
      // Such networks have few tensors; of a file with many, nothing is looked for.
      guard paths.count <= 1000 else { return [] }
      var layers: [String] = []
      for path in paths {
        guard let dot = path.lastIndex(of: "."), ["weight", "bias"].contains(path[path.index(after: dot)...]) else {
          return []
        }
        let layer = String(path[..<dot])
        if !layers.contains(where: { $0.isExactly(layer) }) { layers.append(layer) }
      }
      let numbered = layers.compactMap { layer -> (name: String, base: Substring, number: Int)? in
        let digits = layer.reversed().prefix { $0.isASCII && $0.isNumber }
        guard let number = layers.count == 1 ? 1 : Int(String(digits.reversed())) else { return nil }
        return (layer, layer.dropLast(digits.count), number)
      }.sorted { $0.number < $1.number }
      guard numbered.count == layers.count, Set(numbered.map(\.base)).count <= 1,
        zip(numbered, numbered.dropFirst()).allSatisfy({ $0.number < $1.number })
      else { return [] }
      let names = numbered.enumerated().map { place, layer in
        (foreign: layer.name, own: "fc\(place + 1)", rises: layer.number < place + 1)
      }
      // One after another, so that no new name is one that is yet to be changed.
      return (names.filter(\.rises).reversed() + names.filter { !$0.rises }).filter { $0.foreign != $0.own }
        .map { ($0.foreign, $0.own) }
    }

    /// Other hidden layers keep the rates of the first ones; further layers have none.
    public mutating func complete(changed names: Set<String>) {
      guard names.contains("hidden"), !names.contains("dropout"), !dropout.isEmpty else { return }
      dropout = hidden.indices.map { $0 < dropout.count ? dropout[$0] : 0 }
    }
  }

  public let configuration: Configuration
  /// The fully connected layers, from the input on.
  let layers: [Linear]
  /// After each hidden layer; nil where nothing is dropped.
  private let dropouts: [Dropout?]

  public var headPath: String { "fc\(layers.count)" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let widths = [configuration.inputs] + configuration.hidden
    layers = zip(widths, widths.dropFirst() + [configuration.outputs]).map { Linear($0, $1) }
    let rates = configuration.dropout.isEmpty ? configuration.hidden.map { _ in 0 } : configuration.dropout
    dropouts = rates.map { $0 > 0 ? Dropout($0) : nil }
  }

  /// The layers under the names fc1, fc2, …, each followed by its dropout.
  public var children: [Child] {
    layers.indices.flatMap { index -> [Child] in
      let dropout = index < dropouts.count ? dropouts[index] : nil
      return [Child("fc\(index + 1)", layers[index])] + (dropout.map { [Child("drop\(index + 1)", $0)] } ?? [])
    }
  }

  public func features(_ x: Tensor) -> Tensor {
    var x = x.rank > 2 ? x.flattened() : x
    for (layer, dropout) in zip(layers, dropouts) {
      x = configuration.activation.forward(layer(x))
      if let dropout { x = dropout(x) }
    }
    return x
  }

  public func head(_ features: Tensor) -> Tensor { layers[layers.count - 1](features) }
}

extension Architecture {
  static let mlps = [
    Architecture(
      "mlp", "multilayer perceptron 784-256-128-10", MLP.self, .mlp, input: [1, 28, 28], kinds: [.images, .tables]),
    Architecture(
      "mlp-784-300-100-10", "multilayer perceptron 784-300-100-10", MLP.self, .mlp300, input: [1, 28, 28],
      kinds: [.images, .tables]),
    Architecture(
      "fashion-dnn", "multilayer perceptron for Fashion-MNIST, the same as mlp", MLP.self, .mlp, input: [1, 28, 28]),
    Architecture(
      "dbn", "deep belief network 784-500-250-10 (Hinton et al., 2006); with one hidden layer, a Boltzmann machine",
      MLP.self, .deepBelief, input: [1, 28, 28], takesProbabilities: true),
  ]
}
