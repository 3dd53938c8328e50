// The restricted Boltzmann machine: two layers of units that learn what their data look like, without labels.
//
// Smolensky, "Information Processing in Dynamical Systems: Foundations of Harmony Theory", 1986; and, for what is sampled
// and what is not, Hinton, "A Practical Guide to Training Restricted Boltzmann Machines", 2010. Kinds of visible units:
// Gaussian ones of deviation 1 (Welling, Rosen-Zvi & Hinton, 2004), softmax groups of which some may be missing
// (Salakhutdinov, Mnih & Hinton, "Restricted Boltzmann Machines for Collaborative Filtering", 2007), and counts of words
// (Salakhutdinov & Hinton, "Replicated Softmax: an Undirected Topic Model", 2009). How it learns is in
// ContrastiveDivergence.swift. Left out: hidden units that are not binary, learned deviations, and sparsity targets.

import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Visible units v and binary hidden units h with the energy E(v, h) = −v·a − h·b − h·W·v, where Gaussian units have
/// |v − a|² / 2 instead of −v·a, and counts of D words D·h·b instead of h·b.
public struct BoltzmannMachine: Layer {
  /// What a visible value is.
  public enum Units: String, Codable, Sendable, CaseIterable {
    /// 0 or 1, or the probability of 1: grey images.
    case binary
    /// Any number, of deviation 1 around what the hidden units say: standardised columns.
    case gaussian
    /// Groups of `levels` values, of which one is 1: ratings. A group of zeros is missing.
    case softmax
    /// How often each word of a vocabulary occurs in a document.
    case counts
  }

  public struct Configuration: LayerConfiguration, Equatable {
    /// How many visible values there are.
    public var visible: Int
    /// How many hidden units there are.
    public var hidden: Int
    public var units: Units
    /// How many values a softmax group has; 1 for other units.
    public var levels: Int

    public init(visible: Int, hidden: Int, units: Units = .binary, levels: Int = 1) {
      self.visible = visible
      self.hidden = hidden
      self.units = units
      self.levels = levels
    }

    public func validate() throws(ConfigurationFault) {
      try require("visible", visible, in: 1...1_000_000)
      try require("hidden", hidden, in: 1...1_000_000)
      try require("levels", levels, in: units == .softmax ? 2...1000 : 1...1)
      guard visible % levels == 0 else {
        throw .outOfRange(name: "visible", value: "\(visible)", allowed: "a multiple of the \(levels) levels")
      }
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
    let inputs = matmul(hidden, weight.tensor) + visibleBias.tensor
    switch configuration.units {
    case .binary: return sigmoid(inputs)
    case .gaussian: return inputs
    case .softmax:
      let groups = [inputs.shape[0], configuration.visible / configuration.levels, configuration.levels]
      var means = softmax(inputs.reshaped(to: groups))
      if let data {
        let given = data.reshaped(to: groups).sum(over: [2]).reshaped(to: [groups[0], groups[1], 1])
        means = means * given
      }
      return means.reshaped(to: inputs.shape)
    case .counts:
      let distribution = softmax(inputs)
      return data.map { distribution * $0.sum(over: [1]).reshaped(to: [-1, 1]) } ?? distribution
    }
  }

  // MARK: What it makes of data

  /// What the hidden units' probabilities make of visible values: [N, visible] → [N, visible]. Groups that are missing are
  /// filled in with `completing`, which is how a rating is predicted.
  public func reconstruction(_ visible: Tensor, completing: Bool = false) -> Tensor {
    visibleMeans(hiddenProbabilities(visible), like: completing && configuration.units == .softmax ? nil : visible)
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
      let hidden = softplus(hiddenInputs(visible)).sum(over: [1])
      guard configuration.units == .gaussian else { return -((visible * visibleBias.tensor).sum(over: [1]) + hidden) }
      let distances = (visible - visibleBias.tensor).squared().sum(over: [1])
      return distances * 0.5 - hidden
    }
  }

  /// Whether no softmax group of the visible values is missing.
  func hasAllGroups(_ visible: Tensor) -> Bool {
    guard configuration.units == .softmax else { return true }
    let sums = visible.reshaped(to: [-1, configuration.levels]).sum(over: [1])
    return sums.scalars.allSatisfy { $0 > 0 }
  }

  private func requireUnits(_ x: Tensor, _ count: Int, _ layer: String) {
    ensure(
      x.rank == 2 && x.shape[1] == count,
      "\(weight.path): BoltzmannMachine: values \(x.shape) for \(count) \(layer) units")
  }
}
