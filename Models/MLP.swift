// MLP: the multilayer perceptron.
//
// Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", 1986: fully connected layers, each
// followed by an activation and, where it is wanted, by dropout. It takes rows of numbers, and images as rows of their
// pixels. Its layers are named fc1, fc2, … from the input on.

import AviaryLayers
import AviaryTensors

/// Fully connected layers with an activation after each but the last: rows [N, F], or images [N, C, H, W] with C·H·W = F,
/// → [N, classes].
public struct MLP: Classifier, CustomReflectable {
  public struct Configuration: NetworkConfiguration {
    /// How many numbers a row has.
    public var inputs: Int
    /// The widths of the hidden layers, from the input on; none for a linear model.
    public var hidden: [Int]
    public var activation: Activation
    /// The rate of dropout after each hidden layer; empty where nothing is dropped.
    public var dropout: [Float]
    /// How often the hidden layers see the data as Boltzmann machines before training begins; nil for networks that are
    /// not pretrained, and take any numbers. See DeepBelief.swift.
    public var pretraining: Int?
    /// How many outputs there are: classes, or numbers to estimate.
    public var classes: Int

    public init(
      inputs: Int, hidden: [Int], activation: Activation = .relu, dropout: [Float]? = nil, pretraining: Int? = nil,
      classes: Int
    ) {
      self.inputs = inputs
      self.hidden = hidden
      self.activation = activation
      self.dropout = dropout ?? hidden.map { _ in 0 }
      self.pretraining = pretraining
      self.classes = classes
    }

    /// 784-256-128-10 with dropout 0.25 after the first layer, for Fashion-MNIST: 235,146 parameters.
    public static let mlp = Configuration(inputs: 784, hidden: [256, 128], dropout: [0.25, 0], classes: 10)
    /// 784-300-100-10, for MNIST: 266,610 parameters.
    public static let mlp300 = Configuration(inputs: 784, hidden: [300, 100], classes: 10)
    /// 784-500-250-10, pretrained as a deep belief network of two machines: 520,260 parameters.
    public static let deepBelief = Configuration(
      inputs: 784, hidden: [500, 250], activation: .sigmoid, dropout: [], pretraining: 5, classes: 10)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireCount("inputs", inputs, in: 1...10_000_000)
      try requireCount("classes", classes, in: 1...1_000_000)
      try requireCount("hidden layers", hidden.count, in: 0...100)
      for width in hidden { try requireCount("hidden", width, in: 1...1_000_000) }
      if !dropout.isEmpty { try requireCount("rates of dropout", dropout.count, in: hidden.count...hidden.count) }
      for rate in dropout { try requireRate("dropout", rate) }
      if let pretraining { try requirePretrainable(epochs: pretraining) }
      guard let input else { return }
      guard !input.isEmpty, input.reduce(1, *) == inputs else {
        throw .wrongInput(architecture: "mlp", input: input, expected: "\(inputs) numbers")
      }
    }

    /// What is pretrained has to be a deep belief network: probabilities in every layer.
    private func requirePretrainable(epochs: Int) throws(ConfigurationFault) {
      try requireCount("pretraining", epochs, in: 0...10_000)
      guard activation == .sigmoid else {
        throw .outOfRange(
          name: "activation", value: activation.name, allowed: "sigmoid where layers are pretrained")
      }
      if epochs > 0 { try DeepBeliefNetwork.Configuration(widths: [inputs] + hidden).validate() }
    }

    public mutating func fit(input: [Int]) { inputs = input.reduce(1, *) }
  }

  public let configuration: Configuration
  /// The fully connected layers, from the input on.
  let layers: [Linear]
  /// After each hidden layer; nil where nothing is dropped.
  private let dropouts: [Dropout?]

  public var headPath: String { "fc\(layers.count)" }

  public init(_ configuration: Configuration) { self.init(configuration, backbone: nil) }

  /// - Parameter backbone: whose cells are shared, all but the head's; nil for new ones.
  private init(_ configuration: Configuration, backbone: MLP?) {
    self.configuration = configuration
    let widths = [configuration.inputs] + configuration.hidden
    let hidden = backbone?.layers.dropLast() ?? zip(widths, widths.dropFirst()).map { Linear($0, $1) }[...]
    layers = hidden + [Linear(widths[widths.count - 1], configuration.classes)]
    let rates = configuration.dropout.isEmpty ? configuration.hidden.map { _ in 0 } : configuration.dropout
    dropouts = backbone?.dropouts ?? rates.map { $0 > 0 ? Dropout($0) : nil }
  }

  /// What the walk sees: the layers as properties fc1, fc2, …, whose number the type does not know.
  public var customMirror: Mirror {
    var children: [Mirror.Child] = [("configuration", configuration)]
    for (index, layer) in layers.enumerated() {
      children.append(("fc\(index + 1)", layer))
      if index < dropouts.count, let dropout = dropouts[index] { children.append(("drop\(index + 1)", dropout)) }
    }
    return Mirror(self, children: children, displayStyle: .struct)
  }

  public func replacingHead(classes: Int, seed: UInt64) -> MLP {
    var configuration = configuration
    configuration.classes = classes
    let model = MLP(configuration, backbone: self)
    model.initializeHead(seed: seed)
    return model
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
