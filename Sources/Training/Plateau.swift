/// Lowers the learning rate when a quantity has stopped getting better (PyTorch's `ReduceLROnPlateau` with a relative
/// threshold, mode `max` of a quantity that rises). It watches validation, or training where nothing is held out.
public struct ReduceOnPlateau: Codable, Equatable, Sendable {
  /// Multiplies the learning rate.
  public var factor: Double
  /// So many epochs in a row may pass without improvement; the next one lowers the rate.
  public var patience: Int
  /// A loss counts as better below (1 − threshold) times the best, what rises above (1 + threshold) times the best.
  public var threshold: Double
  /// So many epochs after a lowering are not counted.
  public var cooldown: Int
  /// The learning rate does not fall below this.
  public var minimum: Double
  /// What has to get better; nil for the loss, which also takes the place of what a task does not report.
  public var quantity: Monitor?

  /// Settings; those that are left out are PyTorch's.
  public init(
    factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4, cooldown: Int = 0, minimum: Double = 0,
    quantity: Monitor? = nil
  ) {
    self.quantity = quantity
    self.factor = factor
    self.patience = patience
    self.threshold = threshold
    self.cooldown = cooldown
    self.minimum = minimum
  }

  /// Where it stands after an epoch.
  public struct State: Codable, Equatable, Sendable {
    /// The run's learning rate, as lowered so far.
    public internal(set) var learningRate: Double
    /// The watched quantity's best value.
    public internal(set) var best: Double?
    /// Epochs since the last improvement.
    public internal(set) var epochsWithoutImprovement = 0
    /// Epochs that are still not counted after a reduction.
    public internal(set) var cooldownLeft = 0

    /// The state before the first epoch.
    public init(learningRate: Double) { self.learningRate = learningRate }

    /// A state from a file may be anything.
    var isPossible: Bool {
      learningRate > 0 && learningRate.isFinite && best?.isFinite ?? true && epochsWithoutImprovement >= 0
        && cooldownLeft >= 0
    }
  }

  /// Takes note of an epoch's scores.
  public func observe(_ scores: Scores, _ state: inout State) {
    let watched = quantity.flatMap { quantity in scores[quantity].map { (value: $0, rises: quantity.rises) } }
    let (value, rises) = watched ?? (scores.loss, false)
    if state.best.map({ rises ? value > $0 * (1 + threshold) : value < $0 * (1 - threshold) }) ?? true {
      state.best = value
      state.epochsWithoutImprovement = 0
    } else {
      state.epochsWithoutImprovement += 1
    }
    if state.cooldownLeft > 0 {
      state.cooldownLeft -= 1
      state.epochsWithoutImprovement = 0
    }
    guard state.epochsWithoutImprovement > patience else { return }
    state.cooldownLeft = cooldown
    state.epochsWithoutImprovement = 0
    let lowered = max(state.learningRate * factor, minimum)
    // As PyTorch does, a change too small to matter is not made, and the rate stays above zero.
    if state.learningRate - lowered > 1e-8 { state.learningRate = lowered }
  }

  /// Refuses numbers with which nothing is lowered.
  public func validate() throws(TrainingFault) {
    try TrainingFault.check("plateau's factor", factor, factor > 0 && factor < 1, "between 0 and 1")
    try TrainingFault.check("plateau's patience", patience, (0...1 << 30).contains(patience), "0 or more")
    try TrainingFault.check("plateau's threshold", threshold, threshold >= 0 && threshold < 1, "0 or more, below 1")
    try TrainingFault.check("plateau's cooldown", cooldown, (0...1 << 30).contains(cooldown), "0 or more")
    try TrainingFault.check("plateau's minimum", minimum, minimum >= 0 && minimum.isFinite, "0 or more")
  }
}
