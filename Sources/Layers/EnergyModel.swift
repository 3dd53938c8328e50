import AviaryTensors

/// What a visible value of an energy model is.
public enum VisibleUnits: String, Codable, Sendable, CaseIterable {
  /// 0 or 1, or the probability of 1: grey images.
  case binary
  /// Any number, of deviation 1 around what the hidden units say: standardised columns.
  case gaussian
  /// Groups of `levels` values, of which one is 1: ratings. A group of zeros is missing.
  case softmax
  /// How often each word of a vocabulary occurs in a document.
  case counts
  /// Different units in different places: the columns of a table.
  case mixed
}

/// Visible values beside each other that are of one kind.
public struct VisiblePart: Codable, Equatable, Sendable {
  /// What the units stand for.
  public var units: VisibleUnits
  /// How many visible values there are.
  public var visible: Int
  /// How many values a softmax group has; 1 for other units.
  public var levels: Int

  /// A number of units of one kind.
  public init(_ units: VisibleUnits, visible: Int, levels: Int = 1) {
    self.units = units
    self.visible = visible
    self.levels = levels
  }
}

/// A network of visible and hidden units that learns without labels what its data look like, such as a restricted Boltzmann
/// machine. It has no head; `configuration.outputs` is how many hidden units there are.
public protocol EnergyModel: Network {
  /// All visible values, in their order.
  var visibleParts: [VisiblePart] { get }
  /// Whether chains persist from update to update, which no group may be missing for.
  var persistsChains: Bool { get }

  /// With which probability each hidden unit is on: [N, visible] → [N, hidden].
  func hiddenProbabilities(_ visible: Tensor) -> Tensor
  /// What the hidden units' probabilities make of visible values: [N, visible] → [N, visible].
  ///
  /// - Parameter completing: whether softmax groups that are missing are filled in.
  func reconstruction(_ visible: Tensor, completing: Bool) -> Tensor
  /// What hidden units add up to at each visible unit, biases included: [N, hidden] → [N, visible].
  func visibleInputs(_ hidden: Tensor) -> Tensor
  /// The lower, the likelier are the visible values: [N, visible] → [N].
  func freeEnergies(_ visible: Tensor) -> Tensor
  /// How likely one visible value of each row, drawn at random, is given all others: its logarithm times the number of visible
  /// values, an estimate of the pseudo-log-likelihood [N]. nil where not all units are binary.
  func pseudoLogLikelihoods(_ visible: Tensor, stream: RandomStream) -> Tensor?
  /// Visible values that the network takes for likely: [count, visible].
  ///
  /// - Parameters:
  ///   - steps: of the chains; at least 1.
  ///   - start: the visible values with which the chains begin; nil for the network's own choice.
  func samples(count: Int, steps: Int, seed: UInt64, from start: Tensor?) -> Tensor
  /// Gives the visible biases the values with which visible values have these means, whatever the hidden units do: where
  /// learning best begins (Hinton, 2010).
  ///
  /// - Parameter means: [visible]; of a softmax group, what its values are in proportion to each other.
  func setVisibleBiases(means: Tensor)
  /// The gradients of a step of learning from a batch [N, visible], which an optimizer descends along, and the mean squared
  /// error of the reconstruction. Chains that persist move on.
  ///
  /// - Parameter update: how many updates there have been, which keys the samples beside the seed.
  func divergence(_ visible: Tensor, seed: UInt64, update: UInt64) -> (gradients: Gradients, error: Float)
}

extension EnergyModel {
  /// Whether every visible value is on or off.
  public var isBinary: Bool { visibleParts.allSatisfy { $0.units == .binary } }
}
