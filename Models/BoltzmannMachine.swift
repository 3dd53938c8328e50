// The restricted Boltzmann machine: two layers of units that learn what their data look like, without labels.
//
// Smolensky, "Information Processing in Dynamical Systems: Foundations of Harmony Theory", 1986; and, for what is sampled
// and what is not, Hinton, "A Practical Guide to Training Restricted Boltzmann Machines", 2010. Kinds of visible units:
// Gaussian ones of deviation 1 (Welling, Rosen-Zvi & Hinton, 2004), softmax groups of which some may be missing
// (Salakhutdinov, Mnih & Hinton, "Restricted Boltzmann Machines for Collaborative Filtering", 2007), and counts of words
// (Salakhutdinov & Hinton, "Replicated Softmax: an Undirected Topic Model", 2009). How it learns is in
// ContrastiveDivergence.swift. Left out: hidden units that are not binary, learned deviations, and sparsity targets.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Visible units v and binary hidden units h with the energy E(v, h) = −v·a − h·b − h·W·v, where Gaussian units have
/// |v − a|² / 2 instead of −v·a, and counts of D words D·h·b instead of h·b.
public struct BoltzmannMachine: EnergyModel {
  /// What the visible units stand for.
  public typealias Units = VisibleUnits

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: NetworkConfiguration {
    /// How many visible values there are.
    public var visible: Int
    /// How many hidden units there are.
    public var hidden: Int
    /// What the visible units stand for.
    public var units: Units
    /// How many values a softmax group has; 1 for other units.
    public var levels: Int
    /// Of mixed units, what they are from the first visible value on; empty for others.
    public var parts: [VisiblePart]
    /// How many steps a chain has from update to update: the k of CD-k.
    public var steps: Int
    /// How many chains persist from update to update; 0 for chains that begin at the data.
    public var chains: Int

    /// A configuration of these values.
    public init(
      visible: Int, hidden: Int, units: Units = .binary, levels: Int = 1, parts: [VisiblePart] = [], steps: Int = 1,
      chains: Int = 0
    ) {
      self.visible = visible
      self.hidden = hidden
      self.units = units
      self.levels = levels
      self.parts = parts
      self.steps = steps
      self.chains = chains
    }

    /// 784-500 for grey images of 28×28 pixels: 393,284 parameters.
    public static let rbm = Configuration(visible: 784, hidden: 500)

    public var outputs: Int {
      get { hidden }
      set { hidden = newValue }
    }

    /// All visible values, in their order.
    var visibleParts: [VisiblePart] {
      units == .mixed ? parts : [VisiblePart(units, visible: visible, levels: levels)]
    }

    /// There is no head.
    public mutating func replaceHead(outputs: Int) {}

    public mutating func fit(input: [Int]) { visible = input.reduce(1, *) }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      guard let hidden = shapes.outputs(of: "weight"), let visible = shapes.inputs(of: "weight") else { return }
      (self.hidden, self.visible) = (hidden, visible)
      chains = shapes.extent(0, of: "chains", rank: 2) ?? 0
    }

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("visible", visible, in: 1...1_000_000)
      try require("hidden", hidden, in: 1...1_000_000)
      try require("steps", steps, in: 1...10_000)
      try require("chains", chains, in: 0...(units == .counts ? 0 : 65_536))
      // The chains are made before anything counts their numbers.
      try require("chains times hidden", chains * hidden, in: 0...1 << 28)
      try require("parts", parts.count, in: units == .mixed ? 1...100_000 : 0...0)
      if units == .mixed { try require("levels", levels, in: 1...1) }
      for part in visibleParts {
        try require("levels", part.levels, in: part.units == .softmax ? 2...10_000 : 1...1)
        try require("visible", part.visible, in: 1...visible)
        guard part.visible % part.levels == 0 else {
          throw .outOfRange(
            name: "visible", value: "\(part.visible)", allowed: "a multiple of the \(part.levels) levels")
        }
        guard part.units != .mixed, part.units != .counts || units == .counts else {
          throw .outOfRange(name: "parts", value: part.units.rawValue, allowed: "binary, gaussian or softmax")
        }
      }
      let all = visibleParts.reduce(0) { $0 + $1.visible }
      guard all == visible else {
        throw .outOfRange(name: "visible", value: "\(visible)", allowed: "\(all), as the parts together have it")
      }
      guard let input, input.isEmpty || input.reduce(1, *) != visible else { return }
      throw .wrongInput(architecture: "rbm", input: input, expected: "\(visible) numbers")
    }

    /// Refuses values from which nothing can be built.
    public func validate() throws(ConfigurationFault) { try validate(input: nil) }
  }

  public let configuration: Configuration
  /// [hidden, visible], as a linear layer from visible to hidden has it.
  public let weight: Parameter
  /// a: [visible]
  public let visibleBias: Parameter
  /// b: [hidden]
  public let hiddenBias: Parameter
  /// With which probability the hidden units [chains, hidden] are on where the chains that persist stand; nil where none
  /// does. It is no statistic of batches, but it belongs to the state of learning, and samples begin there.
  let chains: Buffer?

  /// There is none, and nothing lies below this path.
  public var headPath: String { "head" }

  /// Builds the machine from a validated configuration. Its cells are declared, not filled.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    weight = Parameter(
      shape: [configuration.hidden, configuration.visible], initializer: .normal(mean: 0, deviation: 0.01))
    visibleBias = Parameter(shape: [configuration.visible], initializer: .zeros)
    hiddenBias = Parameter(shape: [configuration.hidden], initializer: .zeros)
    chains =
      configuration.chains == 0
      ? nil : Buffer(startingAt: Tensor(repeating: 0.5, shape: [configuration.chains, configuration.hidden]))
  }

  public var visibleParts: [VisiblePart] { configuration.visibleParts }
  public var persistsChains: Bool { chains != nil }

  // MARK: One layer given the other

  /// With which probability each hidden unit is on: [N, visible] → [N, hidden].
  public func hiddenProbabilities(_ visible: Tensor) -> Tensor { sigmoid(hiddenInputs(visible)) }

  private func hiddenInputs(_ visible: Tensor) -> Tensor {
    requireUnits(visible, configuration.visible, "visible")
    guard configuration.units == .counts else {
      return linear(visible, weight: weight.tensor, bias: hiddenBias.tensor)
    }
    let words = visible.sum(over: [1]).reshaped(to: [-1, 1])
    return linear(visible, weight: weight.tensor, bias: nil) + words * hiddenBias.tensor.reshaped(to: [1, -1])
  }

  /// The mean of each visible unit, which is its probability where units are on or off: [N, hidden] → [N, visible].
  ///
  /// - Parameter data: the visible values [N, visible] that the result is to be like: softmax groups that are missing there
  ///   are missing in the result, and documents have as many words. Without them no group is missing, and documents have
  ///   one word, so that the result is a distribution.
  public func visibleMeans(_ hidden: Tensor, like data: Tensor? = nil) -> Tensor {
    requireUnits(hidden, configuration.hidden, "hidden")
    if let data { requireUnits(data, configuration.visible, "visible") }
    return byParts(visibleInputs(hidden), like: data) { means(of: visibleParts[$0], $1, like: $2) }
  }

  public func visibleInputs(_ hidden: Tensor) -> Tensor { matmul(hidden, weight.tensor) + visibleBias.tensor }

  /// The means of visible values of one kind, from what they are given.
  private func means(of part: VisiblePart, _ inputs: Tensor, like data: Tensor?) -> Tensor {
    switch part.units {
    case .binary: return sigmoid(inputs)
    case .gaussian: return inputs
    case .softmax:
      let groups = [inputs.shape[0], part.visible / part.levels, part.levels]
      var means = softmax(inputs.reshaped(to: groups))
      if let data {
        let given = data.reshaped(to: groups).sum(over: [2]).reshaped(to: [groups[0], groups[1], 1])
        means = means * given
      }
      return means.reshaped(to: inputs.shape)
    case .counts:
      let distribution = softmax(inputs)
      return data.map { distribution * $0.sum(over: [1]).reshaped(to: [-1, 1]) } ?? distribution
    case .mixed: stopProgram("\(weight.path): BoltzmannMachine: a part of mixed units")
    }
  }

  /// What a function makes of the visible values of each kind: [N, visible] → [N, visible].
  func byParts(
    _ x: Tensor, like data: Tensor?, _ body: (_ part: Int, _ x: Tensor, _ data: Tensor?) -> Tensor
  ) -> Tensor {
    let parts = visibleParts
    if parts.count == 1 { return body(0, x, data) }
    let sizes = parts.map(\.visible)
    let (values, like) = (x.split(sizes: sizes, axis: 1), data?.split(sizes: sizes, axis: 1))
    return concatenated(parts.indices.map { body($0, values[$0], like?[$0]) }, axis: 1)
  }

  // MARK: What it makes of data

  /// What the hidden units' probabilities make of visible values: [N, visible] → [N, visible]. Groups that are missing are
  /// filled in with `completing`, which is how a rating is predicted.
  public func reconstruction(_ visible: Tensor, completing: Bool = false) -> Tensor {
    visibleMeans(hiddenProbabilities(visible), like: completing && configuration.units != .counts ? nil : visible)
  }

  /// The mean squared difference between visible values and their reconstruction. It falls as the machine learns, though it
  /// is not what is learned.
  public func reconstructionError(_ visible: Tensor) -> Float {
    let difference = visible - reconstruction(visible)
    return (difference * difference).mean().scalar
  }

  /// −log Σ exp(−E(v, h)) over all h: the lower, the likelier are the visible values among those of their kind (with the
  /// same groups missing, of as many words): [N, visible] → [N]. No gradients flow through it.
  public func freeEnergies(_ visible: Tensor) -> Tensor {
    inference {
      let sizes = visibleParts.map(\.visible)
      let values = zip(visible.split(sizes: sizes, axis: 1), visibleBias.tensor.split(sizes: sizes, axis: 0))
      return zip(visibleParts, values).reduce(-softplus(hiddenInputs(visible)).sum(over: [1])) { sum, entry in
        let (part, (visible, bias)) = entry
        if part.units == .gaussian { return sum + (visible - bias).squared().sum(over: [1]) * 0.5 }
        return sum - (visible * bias).sum(over: [1])
      }
    }
  }

  public func setVisibleBiases(means: Tensor) {
    ensure(
      means.shape == [configuration.visible],
      "\(visibleBias.path): BoltzmannMachine: means \(means.shape) for \(configuration.visible) visible units")
    var rest = means.scalars[...]
    var (ratios, offsets): ([Float], [Float]) = ([], [])
    for part in visibleParts {
      let values = rest.prefix(part.visible)
      rest = rest.dropFirst(part.visible)
      switch part.units {
      case .gaussian, .mixed:
        ratios += values.map { _ in 1 }
        offsets += values
      // What never occurs in the data is unlikely, not impossible.
      case .binary: ratios += values.map { min(0.999, max(0.001, $0)) }.map { $0 / (1 - $0) }
      case .softmax, .counts:
        let width = part.units == .counts ? part.visible : part.levels
        for start in Swift.stride(from: values.startIndex, to: values.endIndex, by: width) {
          let group = values[start..<start + width]
          let sum = max(group.reduce(0, +), .leastNormalMagnitude)
          ratios += group.map { max($0 / sum, 0.01 / Float(width)) }
        }
      }
      offsets += repeatElement(0, count: ratios.count - offsets.count)
    }
    visibleBias.assign(inference { log(Tensor(ratios, shape: means.shape)) + Tensor(offsets, shape: means.shape) })
  }

  public func pseudoLogLikelihoods(_ visible: Tensor, stream: RandomStream) -> Tensor? {
    guard isBinary else { return nil }
    return inference {
      var stream = stream
      let (rows, width) = (visible.shape[0], configuration.visible)
      var states = visible.scalars.map { $0 > 0.5 ? 1 : 0 as Float }
      let energies = freeEnergies(Tensor(states, shape: visible.shape))
      for row in 0..<rows {
        let place = row * width + stream.integer(below: width)
        states[place] = 1 - states[place]
      }
      // log σ(x) = −softplus(−x)
      let others = freeEnergies(Tensor(states, shape: visible.shape))
      return softplus(energies - others) * -Float(width)
    }
  }

  /// Whether no softmax group of the visible values is missing.
  func hasAllGroups(_ visible: Tensor) -> Bool {
    let parts = visibleParts
    return zip(parts, visible.split(sizes: parts.map(\.visible), axis: 1)).allSatisfy { part, values in
      guard part.units == .softmax else { return true }
      return values.reshaped(to: [-1, part.levels]).sum(over: [1]).scalars.allSatisfy { $0 > 0 }
    }
  }

  private func requireUnits(_ x: Tensor, _ count: Int, _ layer: String) {
    ensure(
      x.rank == 2 && x.shape[1] == count,
      "\(weight.path): BoltzmannMachine: values \(x.shape) for \(count) \(layer) units")
  }
}

extension Architecture {
  static let boltzmannMachines = [
    Architecture(
      "rbm",
      "restricted Boltzmann machine of 500 hidden units (Smolensky, 1986; Hinton, 2010), which learns without labels",
      BoltzmannMachine.self, .rbm, input: [1, 28, 28], kinds: [.images, .tables], takesProbabilities: true)
  ]
}
