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
    /// Squares of gradients add up, and steps shrink by their root (Duchi et al. 2011).
    case adagrad
    /// Steps as large as recent steps were, in the measure of recent gradients (Zeiler 2012).
    case adadelta
    /// Gradients divided by the root of their recent mean square (Tieleman and Hinton 2012).
    case rmsprop
    /// Kingma and Ba, 2015; weight decay is part of the gradient.
    case adam
    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
    case adamw

    /// The weight decay by default.
    public var defaultWeightDecay: Double { self == .adamw ? 0.01 : 0 }

    /// The learning rate by default: PyTorch's.
    public var defaultLearningRate: Double {
      switch self {
      case .adadelta: 1
      case .adagrad, .rmsprop: 1e-2
      case .sgd, .momentum, .nesterov, .adam, .adamw: 1e-3
      }
    }

    /// What is added to a denominator by default.
    public var defaultEpsilon: Double {
      switch self {
      case .adagrad: 1e-10
      case .adadelta: 1e-6
      case .rmsprop, .adam, .adamw, .sgd, .momentum, .nesterov: 1e-8
      }
    }

    /// The velocity's decay by default; RMSprop has none.
    public var defaultMomentum: Double { self == .rmsprop ? 0 : 0.9 }

    /// The numbers that the rule has beside the learning rate and the weight decay.
    public var numbers: Set<Number> {
      switch self {
      case .sgd: []
      case .momentum, .nesterov: [.momentum]
      case .adagrad: [.epsilon, .learningRateDecay, .initialAccumulator]
      case .adadelta: [.rho, .epsilon]
      case .rmsprop: [.momentum, .alpha, .epsilon, .isCentered]
      case .adam, .adamw: [.betas, .epsilon]
      }
    }
  }

  /// A number that some rules have.
  public enum Number: String, CaseIterable, Sendable {
    /// `OptimizerConfiguration.momentum`.
    case momentum
    /// `beta1` and `beta2`.
    case betas
    /// `OptimizerConfiguration.epsilon`.
    case epsilon
    /// `OptimizerConfiguration.rho`.
    case rho
    /// `OptimizerConfiguration.alpha`.
    case alpha
    /// `OptimizerConfiguration.isCentered`.
    case isCentered
    /// `OptimizerConfiguration.learningRateDecay`.
    case learningRateDecay
    /// `OptimizerConfiguration.initialAccumulator`.
    case initialAccumulator
  }

  /// Which optimizer.
  public var kind: Kind
  /// The learning rate; a schedule changes it.
  public var learningRate: Double
  /// How much a step shrinks parameters.
  public var weightDecay: Double
  /// The velocity's decay, for momentum, nesterov and RMSprop.
  public var momentum: Double
  /// The decay of the gradients' mean, for Adam and AdamW.
  public var beta1: Double
  /// The decay of the gradients' mean square, for Adam and AdamW.
  public var beta2: Double
  /// Added to a denominator, for all but descent with and without momentum.
  public var epsilon: Double
  /// The decay of the squares of gradients and steps, for Adadelta.
  public var rho: Double
  /// The decay of the gradients' mean square, for RMSprop.
  public var alpha: Double
  /// Whether RMSprop divides by the root of the gradients' variance instead of their mean square.
  public var isCentered: Bool
  /// Of Adagrad: step n has the learning rate divided by 1 + (n − 1) times this (PyTorch's `lr_decay`).
  public var learningRateDecay: Double
  /// What Adagrad's sums of squares start at (PyTorch's `initial_accumulator_value`).
  public var initialAccumulator: Double

  /// - Parameters: Those that are nil take the kind's default.
  public init(
    _ kind: Kind, learningRate: Double, weightDecay: Double? = nil, momentum: Double? = nil, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double? = nil, rho: Double = 0.9, alpha: Double = 0.99, isCentered: Bool = false,
    learningRateDecay: Double = 0, initialAccumulator: Double = 0
  ) {
    self.kind = kind
    self.learningRate = learningRate
    self.weightDecay = weightDecay ?? kind.defaultWeightDecay
    self.momentum = momentum ?? kind.defaultMomentum
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon ?? kind.defaultEpsilon
    self.rho = rho
    self.alpha = alpha
    self.isCentered = isCentered
    self.learningRateDecay = learningRateDecay
    self.initialAccumulator = initialAccumulator
  }

  /// The arrays of the parameter's shape that the rule carries from step to step. All are zero before the first, but for
  /// Adagrad's `sum`.
  public var stateNames: [String] {
    switch kind {
    case .sgd: []
    case .momentum, .nesterov: ["momentum"]
    case .adagrad: ["sum"]
    case .adadelta: ["square_average", "change_average"]
    case .rmsprop:
      ["square_average"] + (isCentered ? ["gradient_average"] : []) + (momentum > 0 ? ["momentum"] : [])
    case .adam, .adamw: ["first_moment", "second_moment"]
    }
  }

  /// Refuses numbers with which no step makes sense.
  public func validate() throws(TrainingFault) {
    try TrainingFault.check(
      "learning rate", learningRate, learningRate > 0 && learningRate.isFinite, "a number above 0")
    for (name, value) in [
      ("weight decay", weightDecay), ("learning rate decay", learningRateDecay),
      ("initial accumulator", initialAccumulator),
    ] {
      try TrainingFault.check(name, value, value >= 0 && value.isFinite, "0 or more")
    }
    for (name, value) in [("momentum", momentum), ("beta1", beta1), ("beta2", beta2), ("rho", rho), ("alpha", alpha)] {
      try TrainingFault.check(name, value, value >= 0 && value < 1, "at least 0 and below 1")
    }
    try TrainingFault.check("epsilon", epsilon, epsilon > 0 && epsilon.isFinite, "a number above 0")
  }
}

extension OptimizerConfiguration {
  private enum CodingKeys: String, CodingKey {
    case kind, learningRate, weightDecay, momentum, beta1, beta2, epsilon
    case rho, alpha, isCentered, learningRateDecay, initialAccumulator
  }

  /// What was written before a setting existed has its default.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      try container.decode(Kind.self, forKey: .kind),
      learningRate: try container.decode(Double.self, forKey: .learningRate),
      weightDecay: try container.decode(Double.self, forKey: .weightDecay),
      momentum: try container.decode(Double.self, forKey: .momentum),
      beta1: try container.decode(Double.self, forKey: .beta1),
      beta2: try container.decode(Double.self, forKey: .beta2),
      epsilon: try container.decode(Double.self, forKey: .epsilon))
    rho = try container.decodeIfPresent(Double.self, forKey: .rho) ?? rho
    alpha = try container.decodeIfPresent(Double.self, forKey: .alpha) ?? alpha
    isCentered = try container.decodeIfPresent(Bool.self, forKey: .isCentered) ?? isCentered
    learningRateDecay = try container.decodeIfPresent(Double.self, forKey: .learningRateDecay) ?? learningRateDecay
    initialAccumulator = try container.decodeIfPresent(Double.self, forKey: .initialAccumulator) ?? initialAccumulator
  }
}
