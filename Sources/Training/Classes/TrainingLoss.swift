/// What a run makes small.
public enum TrainingLoss: String, Codable, CaseIterable, Sendable {
  /// Of classes: −log p, p being the probability of the label.
  case crossEntropy = "cross-entropy"
  /// Of classes: −(1 − p)^γ · log p, to which examples that are known well add little (Lin et al., 2017).
  case focal

  /// Whether it is a loss of classes.
  public var isOfClasses: Bool {
    switch self {
    case .crossEntropy, .focal: true
    }
  }
}
