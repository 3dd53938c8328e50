// The restricted Boltzmann machine: two layers of binary units that learn what their data look like, without labels.
//
// Smolensky, "Information Processing in Dynamical Systems: Foundations of Harmony Theory", 1986; Hinton, "Training Products
// of Experts by Minimizing Contrastive Divergence", 2002; and, for what is sampled and what is not, Hinton, "A Practical
// Guide to Training Restricted Boltzmann Machines", 2010. Visible values in [0, 1] count as probabilities, which serves grey
// images. Left out: Gaussian units, persistent chains, and sparsity targets.

import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Visible units v and hidden units h with the energy E(v, h) = −v·a − h·b − h·W·v.
public struct BoltzmannMachine: Layer {
  public struct Configuration: LayerConfiguration, Equatable {
    /// How many visible units there are.
    public var visible: Int
    /// How many hidden units there are.
    public var hidden: Int

    public init(visible: Int, hidden: Int) {
      self.visible = visible
      self.hidden = hidden
    }

    public func validate() throws(ConfigurationFault) {
      try require("visible", visible, in: 1...1_000_000)
      try require("hidden", hidden, in: 1...1_000_000)
    }
  }

  public let configuration: Configuration
  /// [hidden, visible], as a linear layer from visible to hidden has it.
  public let weight: Parameter
  /// a: [visible]
  public let visibleBias: Parameter
  /// b: [hidden]
  public let hiddenBias: Parameter

  /// Builds the machine from a validated configuration. Its cells are declared, not filled.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    weight = Parameter(
      shape: [configuration.hidden, configuration.visible], initializer: .normal(mean: 0, deviation: 0.01))
    visibleBias = Parameter(shape: [configuration.visible], initializer: .zeros)
    hiddenBias = Parameter(shape: [configuration.hidden], initializer: .zeros)
  }

  /// With which probability each hidden unit is on: [N, visible] → [N, hidden].
  public func hiddenProbabilities(_ visible: Tensor) -> Tensor {
    requireUnits(visible, configuration.visible, "visible")
    return sigmoid(linear(visible, weight: weight.tensor, bias: hiddenBias.tensor))
  }

  /// With which probability each visible unit is on: [N, hidden] → [N, visible].
  public func visibleProbabilities(_ hidden: Tensor) -> Tensor {
    requireUnits(hidden, configuration.hidden, "hidden")
    return sigmoid(matmul(hidden, weight.tensor) + visibleBias.tensor)
  }

  /// The mean squared difference between visible values and what the hidden units' probabilities make of them. It falls as
  /// the machine learns, though it is not what is learned.
  public func reconstructionError(_ visible: Tensor) -> Float {
    let difference = visible - visibleProbabilities(hiddenProbabilities(visible))
    return (difference * difference).mean().scalar
  }

  /// −log Σ exp(−E(v, h)) over all h: the lower, the likelier are the visible values: [N, visible] → [N]. No gradients flow
  /// through it.
  public func freeEnergies(_ visible: Tensor) -> Tensor {
    requireUnits(visible, configuration.visible, "visible")
    return inference {
      let x = linear(visible, weight: weight.tensor, bias: hiddenBias.tensor)
      // log(1 + eˣ) without overflow.
      let hidden = relu(x) + log(exp(-abs(x)) + 1)
      return -((visible * visibleBias.tensor).sum(over: [1]) + hidden.sum(over: [1]))
    }
  }

  private func requireUnits(_ x: Tensor, _ count: Int, _ layer: String) {
    ensure(
      x.rank == 2 && x.shape[1] == count,
      "\(weight.path): BoltzmannMachine: values \(x.shape) for \(count) \(layer) units")
  }
}

/// Learning by contrastive divergence: the data are made likelier, and what a chain that starts at them comes to in k steps
/// less likely.
///
/// Hidden units are sampled, since that is what limits how much they can tell; visible units, and the last hidden ones, are
/// given by their probabilities, which is less noisy.
public struct ContrastiveDivergence {
  public struct Options: Sendable, Equatable {
    /// k: how many steps of the chain there are.
    public var steps: Int
    public var learningRate: Float
    public var momentum: Float
    /// L2: how much of the weights is subtracted for each unit of learning rate. Biases do not decay.
    public var weightDecay: Float
    /// What the samples are keyed by.
    public var seed: UInt64

    public init(
      steps: Int = 1, learningRate: Float = 0.1, momentum: Float = 0.5, weightDecay: Float = 2e-4, seed: UInt64 = 0
    ) {
      self.steps = steps
      self.learningRate = learningRate
      self.momentum = momentum
      self.weightDecay = weightDecay
      self.seed = seed
    }
  }

  public let machine: BoltzmannMachine
  public var options: Options
  /// How many updates there have been.
  public private(set) var updates: UInt64 = 0
  /// The last changes of weight, visible bias and hidden bias, which momentum continues.
  private var velocities: [Tensor]
  private let parameters: [Parameter]

  /// - Parameter options: `steps` is at least 1.
  public init(_ machine: BoltzmannMachine, options: Options = Options()) {
    ensure(options.steps >= 1, "ContrastiveDivergence: a chain of \(options.steps) steps")
    self.machine = machine
    self.options = options
    parameters = [machine.weight, machine.visibleBias, machine.hiddenBias]
    velocities = parameters.map { Tensor(zeros: $0.shape) }
  }

  /// Learns from a batch [N, visible] of values in [0, 1].
  ///
  /// - Returns: the mean squared difference between the batch and what the first step of the chain made of it.
  @discardableResult
  public mutating func update(_ batch: Tensor) -> Float {
    inference { learn(batch) }
  }

  private mutating func learn(_ batch: Tensor) -> Float {
    let count = Float(batch.shape[0])
    let hidden = machine.hiddenProbabilities(batch)
    var (visible, last) = (batch, hidden)
    var error: Float = 0
    for step in 0..<options.steps {
      visible = machine.visibleProbabilities(sampled(last, step: step))
      last = machine.hiddenProbabilities(visible)
      if step == 0 { error = Self.meanSquare(batch - visible) }
    }
    let slopes = [
      (Self.product(hidden, batch) - Self.product(last, visible)) / count
        - machine.weight.tensor * options.weightDecay,
      (batch - visible).mean(over: [0]),
      (hidden - last).mean(over: [0]),
    ]
    for (index, parameter) in parameters.enumerated() {
      velocities[index] = velocities[index] * options.momentum + slopes[index] * options.learningRate
      parameter.assign(parameter.tensor + velocities[index])
    }
    updates += 1
    return error
  }

  /// Units that are on or off with the probabilities given.
  private func sampled(_ probabilities: Tensor, step: Int) -> Tensor {
    let stream = RandomStream(
      seed: options.seed, purpose: "contrastive divergence", path: "\(machine.weight.path)#\(step)", step: updates)
    let thresholds = Tensor(uniform: 0, 1, stream: stream, shape: probabilities.shape).scalars
    return Tensor(zip(probabilities.scalars, thresholds).map { $1 < $0 ? 1 : 0 }, shape: probabilities.shape)
  }

  /// Σ h·vᵀ over the batch: [N, H], [N, V] → [H, V].
  private static func product(_ hidden: Tensor, _ visible: Tensor) -> Tensor {
    matmul(hidden.transposed([1, 0]), visible)
  }

  private static func meanSquare(_ x: Tensor) -> Float { (x * x).mean().scalar }
}
