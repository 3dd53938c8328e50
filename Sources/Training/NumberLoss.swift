import AviaryTensors

/// How far estimates of numbers are from what they should be: the loss of a regression and of a time series. Where the target is
/// standardised for training, errors are counted in its standard deviations.
public enum NumberLoss: Codable, Equatable, Sendable {
  /// The mean squared error, which estimates means.
  case squaredError
  /// The mean absolute error, which estimates medians.
  case absoluteError
  /// Squared below δ and absolute beyond it: PyTorch's `HuberLoss`.
  case huber(delta: Double)
  /// The same divided by β: PyTorch's `SmoothL1Loss`.
  case smoothL1(beta: Double)
  /// The logarithm of the hyperbolic cosine: Keras's `LogCosh`.
  case logCosh
  /// The pinball loss, which estimates a quantile.
  case quantile(Double)

  /// The mean over all numbers.
  public func callAsFunction(_ outputs: Tensor, target: Tensor) -> Tensor {
    switch self {
    case .squaredError: meanSquaredError(outputs, target: target)
    case .absoluteError: meanAbsoluteError(outputs, target: target)
    case .huber(let delta): AviaryTensors.huber(outputs, target: target, delta: Float(delta))
    case .smoothL1(let beta): AviaryTensors.smoothL1(outputs, target: target, beta: Float(beta))
    case .logCosh: AviaryTensors.logCosh(outputs, target: target)
    case .quantile(let share): quantileLoss(outputs, target: target, quantile: Float(share))
    }
  }

  private var isPossible: Bool {
    switch self {
    case .squaredError, .absoluteError, .logCosh: true
    case .huber(let number), .smoothL1(let number): Float(number) > 0 && Float(number).isFinite
    case .quantile(let share): Float(share) > 0 && Float(share) < 1
    }
  }

  func validate() throws(TrainingFault) {
    try TrainingFault.check("loss's number", "\(self)", isPossible, "above 0, and below 1 for a quantile")
  }
}
