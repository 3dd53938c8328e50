import AviaryLayers
import AviaryTensors

/// How a run learns, beside its optimizer and its schedule.
public struct LearningSettings: Codable, Equatable, Sendable {
  /// The number of batches whose gradients make one step: as many times larger is the batch that is learned from, and no
  /// more memory is needed. Batch normalisation sees each batch by itself. An epoch's last step may have fewer.
  public var accumulation = 1
  /// A factor of the sum of the magnitudes of all weights, parameters of two axes or more, which is added to the loss that is
  /// learned; losses are reported without it.
  public var l1 = 0.0
  /// What the weights of a network from scratch begin with, by a name: see `Initializer.init(named:)`; nil for the network's own.
  public var initializer: String?
  /// Blocks of maps that are dropped; nil for none.
  public var dropBlock: DropBlockSettings?
  /// The loss of numbers; nil for the mean squared error.
  public var loss: NumberLoss?

  /// A step for every batch, without penalties.
  public init() {}

  /// How many steps so many batches make.
  func steps(ofBatches count: Int) -> Int { (count + accumulation - 1) / accumulation }

  func validate() throws {
    try TrainingFault.check(
      "number of batches of a step", accumulation, (1...65_536).contains(accumulation), "1 to 65536")
    try TrainingFault.check("L1 penalty", l1, l1 >= 0 && Float(l1).isFinite, "0 or more")
    if let initializer {
      try TrainingFault.check(
        "initializer", initializer, Initializer(named: initializer) != nil, Initializer.names.joined(separator: ", "))
    }
    try dropBlock?.validate()
    try loss?.validate()
  }

  /// Adds the gradient of the L1 penalty; nil where there is none.
  func penalizing() -> GradientTransform? {
    guard l1 > 0 else { return nil }
    let factor = Float(l1)
    return { gradients in
      gradients.mapParameters { parameter, gradient in
        parameter.shape.count < 2 ? gradient : inference { gradient + sign(parameter.tensor) * factor }
      }
    }
  }
}

/// DropBlock behind layers of a convolutional network: see `BlockDropping`.
public struct DropBlockSettings: Codable, Equatable, Sendable {
  /// The share of the elements that is dropped at the end of the run; it grows from 0 in a straight line, as in the paper.
  public var rate: Double
  /// The side of a square that is dropped.
  public var block: Int
  /// Patterns of the layers; nil for those whose maps have the two smallest sizes.
  public var layers: [String]?

  /// Drops squares of `block` elements a side, of the share `rate` in the end.
  public init(rate: Double, block: Int = 7, layers: [String]? = nil) {
    self.rate = rate
    self.block = block
    self.layers = layers
  }

  func validate() throws {
    try TrainingFault.check("DropBlock's rate", rate, rate > 0 && rate < 1, "between 0 and 1")
    try TrainingFault.check("DropBlock's size", block, (1...1024).contains(block), "1 to 1024")
    for layer in layers ?? [] { _ = try PathPattern(layer) }
  }
}
