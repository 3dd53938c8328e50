// The deep belief network: restricted Boltzmann machines, each of which learns what the hidden units below it do.
//
// Hinton, Osindero & Teh, "A Fast Learning Algorithm for Deep Belief Nets", 2006: pretrained greedily, from the bottom to the
// top, without labels; then the machines' weights are where a multilayer perceptron begins, which is fine-tuned with labels.
// Left out: the wake-sleep fine-tuning of the paper, and drawing from the whole network.
//
// `dbn` in the registry is that perceptron: its hidden layers' outputs are the machines' hidden probabilities. A single
// machine, with its visible biases and without labels, is `rbm`.

import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Boltzmann machines on top of each other: [N, widths.first] → [N, widths.last].
public struct DeepBeliefNetwork: Layer {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: LayerConfiguration, Equatable {
    /// How many units the layers have, the visible ones first: 784, 500, 250 for two machines.
    public var widths: [Int]

    /// A configuration of these values.
    public init(widths: [Int]) { self.widths = widths }

    /// Refuses values from which nothing can be built.
    public func validate() throws(ConfigurationFault) {
      try require("layers", widths.count, in: 2...100)
      for width in widths { try require("widths", width, in: 1...1_000_000) }
    }
  }

  /// What the network was built from.
  public let configuration: Configuration
  /// From the bottom to the top.
  public let machines: [BoltzmannMachine]

  /// Builds the network from a validated configuration. Its cells are declared, not filled.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let widths = configuration.widths
    machines = zip(widths, widths.dropFirst()).map { BoltzmannMachine(.init(visible: $0, hidden: $1)) }
  }

  /// What the machine of an index is given: the probabilities of the hidden units below it, or the data themselves.
  public func visible(ofMachine index: Int, _ x: Tensor) -> Tensor {
    machines[..<index].reduce(x) { $1.hiddenProbabilities($0) }
  }

  /// The probabilities of the topmost hidden units: [N, widths.first] → [N, widths.last].
  public func features(_ x: Tensor) -> Tensor { visible(ofMachine: machines.count, x) }

  /// Trains one machine after the other, from the bottom to the top.
  ///
  /// - Parameters:
  ///   - epochs: how often each machine sees the data.
  ///   - batches: the batches [N, widths.first] of an epoch, counted from 0, with values in [0, 1].
  ///   - report: is told the mean error of reconstruction after each epoch of each machine.
  public func pretrain<Batches: Sequence>(
    epochs: Int, options: ContrastiveDivergence.Options = .init(), batches: (_ epoch: Int) throws -> Batches,
    report: (_ machine: Int, _ epoch: Int, _ error: Double) -> Void = { _, _, _ in }
  ) rethrows where Batches.Element == Tensor {
    for (index, machine) in machines.enumerated() {
      var divergence = ContrastiveDivergence(machine, options: options)
      for epoch in 0..<epochs {
        var (sum, count) = (0.0, 0)
        for batch in try batches(epoch) {
          let visible = inference { self.visible(ofMachine: index, batch) }
          sum += Double(divergence.update(visible))
          count += 1
        }
        report(index, epoch, sum / Double(max(count, 1)))
      }
    }
  }

  /// The perceptron that fine-tuning begins with: its hidden layers are the machines, with values of their own, and its head
  /// is initialised from the seed.
  public func classifier(classes: Int, seed: UInt64) -> MLP {
    let model = MLP(
      .init(
        inputs: configuration.widths[0], hidden: Array(configuration.widths.dropFirst()), activation: .sigmoid,
        outputs: classes))
    model.initialize(seed: seed)
    fill(model)
    return model
  }

  /// Gives the machines' values to the hidden layers of a perceptron that has their widths.
  fileprivate func fill(_ model: MLP) {
    for (layer, machine) in zip(model.layers, machines) {
      layer.weight.assign(machine.weight.tensor)
      layer.bias?.assign(machine.hiddenBias.tensor)
    }
  }
}

extension MLP: Pretrainable {
  public var pretrainingEpochs: Int { configuration.pretraining ?? 0 }

  public var pretrainingStages: [String] {
    let widths = [configuration.inputs] + configuration.hidden
    return zip(widths, widths.dropFirst()).enumerated().map { index, sizes in
      "machine \(index + 1)/\(widths.count - 1) (\(sizes.0)-\(sizes.1))"
    }
  }

  /// Fills the hidden layers with what Boltzmann machines of their widths learn from data without labels; the head stays as
  /// it is. See `DeepBeliefNetwork.pretrain`. Until the end, and where `batches` throws, nothing changes.
  ///
  /// - Precondition: there is a hidden layer.
  /// - Parameter seed: of the machines' first weights, and of what they sample.
  public func pretrain<Batches: Sequence>(
    epochs: Int, seed: UInt64, batches: (_ epoch: Int) throws -> Batches,
    report: (_ machine: Int, _ epoch: Int, _ error: Double) -> Void = { _, _, _ in }
  ) rethrows where Batches.Element == Tensor {
    ensure(!configuration.hidden.isEmpty, "pretrain: the perceptron has no hidden layer")
    let network = DeepBeliefNetwork(.init(widths: [configuration.inputs] + configuration.hidden))
    network.initialize(seed: seed)
    var options = ContrastiveDivergence.Options(seed: seed)
    options.steps = configuration.pretrainingSteps ?? options.steps
    options.isPersistent = configuration.pretrainingPersistent ?? options.isPersistent
    options.learningRate = configuration.pretrainingRate ?? options.learningRate
    options.momentum = configuration.pretrainingMomentum ?? options.momentum
    try network.pretrain(epochs: epochs, options: options, batches: batches, report: report)
    network.fill(self)
  }
}
