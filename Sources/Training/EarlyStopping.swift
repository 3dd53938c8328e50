/// Stops a run when nothing has improved for a while. It watches validation, or training where nothing is held out.
public struct EarlyStopping: Codable, Equatable, Sendable {
  /// What has to improve. The loss takes the place of what a task does not report.
  public typealias Quantity = Monitor

  /// The number of epochs in a row without improvement after which the run stops.
  public var patience: Int
  /// What has to improve counts as improved if it changed by more than this.
  public var minimumImprovement: Double
  /// What has to improve.
  public var quantity: Quantity

  /// Stops after `patience` epochs without improvement.
  public init(patience: Int, minimumImprovement: Double = 0, quantity: Quantity = .loss) {
    self.patience = patience
    self.minimumImprovement = minimumImprovement
    self.quantity = quantity
  }

  /// Where it stands after an epoch.
  public struct State: Codable, Equatable, Sendable {
    /// The best value so far; what rises counts negative, so that less is better.
    public internal(set) var best: Double?
    /// Epochs since the last improvement.
    public internal(set) var epochsWithoutImprovement = 0
    /// Whether the run has been stopped.
    public internal(set) var hasStopped = false

    /// The state before the first epoch.
    public init() {}

    /// A state from a file may be anything.
    var isPossible: Bool { best?.isFinite ?? true && epochsWithoutImprovement >= 0 }
  }

  /// Takes note of an epoch's scores.
  public func observe(_ scores: Scores, _ state: inout State) {
    let value = scores[quantity].map { quantity.rises ? -$0 : $0 } ?? scores.loss
    if state.best.map({ value < $0 - minimumImprovement }) ?? true {
      state.best = value
      state.epochsWithoutImprovement = 0
    } else {
      state.epochsWithoutImprovement += 1
      state.hasStopped = state.epochsWithoutImprovement >= patience
    }
  }

  /// Refuses numbers that end every run, or none.
  public func validate() throws(TrainingFault) {
    try TrainingFault.check("early stopping's patience", patience, (1...1 << 30).contains(patience), "at least 1 epoch")
    try TrainingFault.check(
      "early stopping's minimum improvement", minimumImprovement,
      minimumImprovement >= 0 && minimumImprovement.isFinite, "0 or more")
  }
}
