/// What a run makes small.
public enum TrainingLoss: String, Codable, CaseIterable, Sendable {
  /// Of classes: −log p, p being the probability of the label.
  case crossEntropy = "cross-entropy"
  /// Of classes: −(1 − p)^γ · log p, to which examples that are known well add little (Lin et al., 2017).
  case focal
  /// Of numbers: the mean squared error.
  case mse
  /// Of numbers: the mean absolute error.
  case mae
  /// Of numbers: squared near 0, absolute beyond a distance. See `NumberLoss`.
  case huber
  /// Of numbers: Huber's loss divided by that distance.
  case smoothL1 = "smooth-l1"
  /// Of numbers: the mean of log cosh of the errors.
  case logCosh = "log-cosh"
  /// Of numbers: the pinball loss, whose least value a quantile has.
  case quantile

  /// Whether it is a loss of classes.
  public var isOfClasses: Bool {
    switch self {
    case .crossEntropy, .focal: true
    case .mse, .mae, .huber, .smoothL1, .logCosh, .quantile: false
    }
  }
}
