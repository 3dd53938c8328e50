/// Which optimizer moves the weights, and how.
///
/// All numbers are PyTorch's, under PyTorch's meanings. Numbers that a kind does not use are kept and ignored.
public struct OptimizerConfiguration: Codable, Equatable, Sendable {
  /// The update rule. A new one needs its state's names here, and its formula in the optimizer.
  public enum Kind: String, Codable, CaseIterable, Sendable {
    /// p -= rate·g
    case sgd
    /// Gradients accumulate in a velocity (Polyak 1964).
    case momentum
    /// Momentum that looks ahead (Nesterov 1983; Sutskever et al. 2013).
    case nesterov
    /// Kingma and Ba, 2015; weight decay is part of the gradient.
    case adam
    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
    case adamw

    /// The arrays of the parameter's shape that the rule carries from step to step, all zero before the first.
    public var stateNames: [String] {
      switch self {
      case .sgd: []
      case .momentum, .nesterov: ["momentum"]
      case .adam, .adamw: ["first_moment", "second_moment"]
      }
    }

    /// The weight decay where nobody asks for another.
    public var defaultWeightDecay: Double { self == .adamw ? 0.01 : 0 }
  }

  public var kind: Kind
  public var learningRate: Double
  public var weightDecay: Double
  /// The velocity's memory, for momentum and nesterov.
  public var momentum: Double
  /// The memory of the gradients' mean, for Adam and AdamW.
  public var beta1: Double
  /// The memory of the gradients' mean square, for Adam and AdamW.
  public var beta2: Double
  /// Added to a denominator, for Adam and AdamW.
  public var epsilon: Double

  public init(
    _ kind: Kind, learningRate: Double, weightDecay: Double? = nil, momentum: Double = 0.9, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8
  ) {
    self.kind = kind
    self.learningRate = learningRate
    self.weightDecay = weightDecay ?? kind.defaultWeightDecay
    self.momentum = momentum
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  /// Refuses numbers with which no step makes sense.
  public func validate() throws(TrainingFault) {
    try TrainingFault.check(
      "learning rate", learningRate, learningRate > 0 && learningRate.isFinite, "a number above 0")
    try TrainingFault.check("weight decay", weightDecay, weightDecay >= 0 && weightDecay.isFinite, "0 or more")
    for (name, value) in [("momentum", momentum), ("beta1", beta1), ("beta2", beta2)] {
      try TrainingFault.check(name, value, value >= 0 && value < 1, "at least 0 and below 1")
    }
    try TrainingFault.check("epsilon", epsilon, epsilon > 0 && epsilon.isFinite, "a number above 0")
  }
}

/// Parameters with a learning rate or a weight decay of their own: `ParameterGroup(["fc"], learningRateScale: 10)`.
public struct ParameterGroup: Codable, Equatable, Sendable {
  /// Patterns of parameter paths, as the freeze switch has them.
  public var patterns: [String]
  /// Multiplies the scheduled learning rate.
  public var learningRateScale: Double
  /// Replaces the optimizer's weight decay; nil keeps it.
  public var weightDecay: Double?

  public init(_ patterns: [String], learningRateScale: Double = 1, weightDecay: Double? = nil) {
    self.patterns = patterns
    self.learningRateScale = learningRateScale
    self.weightDecay = weightDecay
  }

  /// Refuses numbers with which no step makes sense.
  public func validate() throws(TrainingFault) {
    let name = "parameter group (\(patterns.joined(separator: ", ")))"
    try TrainingFault.check(
      "learning rate scale of \(name)", learningRateScale, learningRateScale >= 0 && learningRateScale.isFinite,
      "0 or more")
    if let weightDecay {
      try TrainingFault.check(
        "weight decay of \(name)", weightDecay, weightDecay >= 0 && weightDecay.isFinite, "0 or more")
    }
  }
}
