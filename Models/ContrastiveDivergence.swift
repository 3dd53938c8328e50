// How a restricted Boltzmann machine learns.
//
// Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", 2002; Tieleman, "Training Restricted
// Boltzmann Machines using Approximations to the Likelihood Gradient", 2008 (persistent chains).

import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Learning by contrastive divergence: the data are made likelier, and what a chain comes to in k steps less likely. The
/// chain starts at the data, or, where it is persistent, where it was left by the last update.
///
/// Hidden units are sampled, since that is what limits how much they can tell; visible units, and the last hidden ones, are
/// given by their means, which is less noisy. Persistent chains have to come to all that the machine takes for likely, so
/// their visible units are sampled, too.
public struct ContrastiveDivergence {
  /// How the machine learns.
  public struct Options: Sendable, Equatable {
    /// k: how many steps of the chain there are.
    public var steps: Int
    /// Whether chains go on from update to update. A chain belongs to no example: this is not for counts, whose documents
    /// differ in length, nor for softmax groups that are missing here and there.
    public var isPersistent: Bool
    /// About 0.1 for binary units, 0.001 to 0.01 for Gaussian ones.
    public var learningRate: Float
    /// The share of the last step that is added to each step.
    public var momentum: Float
    /// L2: how much of the weights is subtracted for each unit of learning rate. Biases do not decay.
    public var weightDecay: Float
    /// What the samples are keyed by.
    public var seed: UInt64

    /// A configuration of these values.
    public init(
      steps: Int = 1, isPersistent: Bool = false, learningRate: Float = 0.1, momentum: Float = 0.5,
      weightDecay: Float = 2e-4, seed: UInt64 = 0
    ) {
      self.steps = steps
      self.isPersistent = isPersistent
      self.learningRate = learningRate
      self.momentum = momentum
      self.weightDecay = weightDecay
      self.seed = seed
    }
  }

  /// The machine that learns.
  public let machine: BoltzmannMachine
  /// How it learns; changes count from the next step on.
  public var options: Options
  /// How many updates there have been.
  public private(set) var updates: UInt64 = 0
  /// The last changes of weight, visible bias and hidden bias, which momentum continues.
  private var velocities: [Tensor]
  private let parameters: [Parameter]
  /// The probabilities of the hidden units [chains, hidden] at which persistent chains were left.
  private var chains: Tensor?

  /// - Parameter options: `steps` is at least 1.
  public init(_ machine: BoltzmannMachine, options: Options = Options()) {
    ensure(options.steps >= 1, "ContrastiveDivergence: a chain of \(options.steps) steps")
    ensure(
      !options.isPersistent || machine.configuration.units != .counts,
      "ContrastiveDivergence: chains of documents cannot persist")
    self.machine = machine
    self.options = options
    parameters = [machine.weight, machine.visibleBias, machine.hiddenBias]
    velocities = parameters.map { Tensor(zeros: $0.shape) }
  }

  /// Learns from a batch [N, visible] of values as the machine's units have them.
  ///
  /// - Returns: the mean squared difference between the batch and what one step makes of it.
  @discardableResult
  public mutating func update(_ batch: Tensor) -> Float {
    inference { learn(batch) }
  }

  private mutating func learn(_ batch: Tensor) -> Float {
    let divergence = machine.divergence(
      batch, steps: options.steps, isPersistent: options.isPersistent, chains: chains, seed: options.seed,
      update: updates)
    chains = divergence.chains
    for (index, parameter) in parameters.enumerated() {
      var slope = divergence.slopes[index]
      if index == 0 { slope = slope - machine.weight.tensor * options.weightDecay }
      velocities[index] = velocities[index] * options.momentum + slope * options.learningRate
      parameter.assign(parameter.tensor + velocities[index])
    }
    updates += 1
    return divergence.error
  }
}

extension BoltzmannMachine {
  /// By the chains and the number of steps of the configuration.
  public func divergence(_ visible: Tensor, seed: UInt64, update: UInt64) -> (gradients: Gradients, error: Float) {
    inference {
      let found = divergence(
        visible, steps: configuration.steps, isPersistent: chains != nil, chains: chains?.tensor, seed: seed,
        update: update)
      if let chains, let last = found.chains { chains.assign(last) }
      var gradients = Gradients()
      for (parameter, slope) in zip([weight, visibleBias, hiddenBias], found.slopes) { gradients[parameter] = -slope }
      return (gradients, found.error)
    }
  }

  /// How the log-likelihood of a batch rises with weight, visible bias and hidden bias, as the chains tell it.
  ///
  /// - Parameter chains: where chains that persist stand; nil before the first update, which begins at the data.
  /// - Returns: also where the chains that persist stand now, and the mean squared error of the reconstruction.
  fileprivate func divergence(
    _ batch: Tensor, steps: Int, isPersistent: Bool, chains: Tensor?, seed: UInt64, update: UInt64
  ) -> (slopes: [Tensor], chains: Tensor?, error: Float) {
    func key(_ purpose: String, _ step: Int) -> GibbsKey {
      GibbsKey(seed: seed, purpose: purpose, path: "\(weight.path)#\(step)", step: update)
    }
    let hidden = hiddenProbabilities(batch)
    ensure(!isPersistent || hasAllGroups(batch), "ContrastiveDivergence: a persistent chain misses no group")
    var last = chains ?? hidden
    var (visible, error) = (batch, Float?.none)
    for step in 0..<steps {
      let on = sampledUnits(last, key("contrastive divergence", step).stream())
      visible =
        isPersistent
        ? sampledVisible(on, like: nil, key("persistent chains", step)) : visibleMeans(on, like: batch)
      last = hiddenProbabilities(visible)
      if step == 0, !isPersistent { error = (batch - visible).squared().mean().scalar }
    }
    let slopes = zip(statistics(hidden, batch), statistics(last, visible)).map { $0 - $1 }
    return (slopes, isPersistent ? last : nil, error ?? reconstructionError(batch))
  }

  /// The mean of −∂E of weight, visible bias and hidden bias over rows.
  private func statistics(_ hidden: Tensor, _ visible: Tensor) -> [Tensor] {
    var onHiddenBias = hidden
    if configuration.units == .counts {
      onHiddenBias = hidden * visible.sum(over: [1]).reshaped(to: [-1, 1])
    }
    return [
      matmul(hidden.transposed([1, 0]), visible) / Float(visible.shape[0]), visible.mean(over: [0]),
      onHiddenBias.mean(over: [0]),
    ]
  }
}
