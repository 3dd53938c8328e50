/// A quantity of validation by which the best epoch is chosen, and by which a run stops early.
public enum Monitor: String, Codable, CaseIterable, Sendable {
  /// The mean loss.
  case loss
  /// The share of items that are predicted rightly.
  case accuracy
  /// The mean of the classes' F1 scores, each of which counts alike.
  case macroF1 = "macro-f1"
  /// The mean of the classes' recalls, each of which counts alike.
  case balancedAccuracy = "balanced-accuracy"
  /// The mean of the classes' F1 scores, each of which counts as often as it is there.
  case weightedF1 = "weighted-f1"
  /// Matthews' correlation of the true classes with the predicted ones; 0 where it is undefined.
  case matthewsCorrelation = "matthews-correlation"
  /// Agreement beyond what chance would give; 0 where it is undefined.
  case cohensKappa = "cohens-kappa"
  /// How often the right class is among the most probable ones: see `ClassOptions.topK`.
  case topK = "top-k"
  /// Root mean squared error of estimated numbers, in the data's own units.
  case rmse
  /// Mean absolute error of estimated numbers, in the data's own units.
  case mae
  /// The share of the variance of numbers that the estimates explain.
  case r2
  /// The mean pseudo-log-likelihood of what is on or off, for networks that learn without labels.
  case pseudoLikelihood = "pseudo-likelihood"

  /// Whether more of it is better.
  public var rises: Bool {
    switch self {
    case .loss, .rmse, .mae: false
    case .accuracy, .macroF1, .balancedAccuracy, .weightedF1, .matthewsCorrelation, .cohensKappa, .topK, .r2,
      .pseudoLikelihood:
      true
    }
  }

  /// What it cannot leave.
  var bounds: ClosedRange<Double> {
    switch self {
    case .accuracy, .macroF1, .balancedAccuracy, .weightedF1, .topK: 0...1
    case .matthewsCorrelation, .cohensKappa: -1...1
    case .rmse, .mae: 0...Double.infinity
    case .r2: -Double.infinity...1
    // A loss of densities may be below 0.
    case .loss, .pseudoLikelihood: -Double.infinity...Double.infinity
    }
  }

  /// Whether it is made of counts of right predictions, so that many epochs have the same.
  var countsClasses: Bool { Self.ofClasses.contains(self) && self != .loss }

  /// Whether thresholds of classes can be chosen by it: see `ClassThresholds`.
  public var isThresholdCriterion: Bool { countsClasses && self != .topK }

  /// What classifications report, and what estimates of numbers do.
  static let ofClasses: [Monitor] = [
    .loss, .accuracy, .macroF1, .balancedAccuracy, .weightedF1, .matthewsCorrelation, .cohensKappa, .topK,
  ]
  static let ofNumbers: [Monitor] = [.loss, .rmse, .mae, .r2]
}

/// How the best epoch is chosen.
public struct BestChoice: Equatable, Sendable {
  /// nil for the accuracy, or else the loss. Equal shares of right predictions are told apart by their loss.
  public var monitor: Monitor?
  /// An epoch is better than the best one if its quantity is so by more than this.
  public var minimumDelta: Double

  /// A choice by a quantity; nil for the default.
  public init(_ monitor: Monitor? = nil, minimumDelta: Double = 0) {
    self.monitor = monitor
    self.minimumDelta = minimumDelta
  }

  /// The quantity that decides about scores.
  public func quantity(of scores: Scores) -> Monitor { monitor ?? (scores.accuracy == nil ? .loss : .accuracy) }

  /// Whether an epoch is better than the best one so far.
  public func isBetter(_ scores: Scores, than best: Scores) -> Bool {
    let quantity = quantity(of: best)
    guard let value = scores[quantity], let former = best[quantity] else {
      return scores.loss < best.loss - minimumDelta
    }
    // How much is left to gain in equal shares shows in their losses.
    if value == former, quantity.countsClasses, minimumDelta == 0 { return scores.loss < best.loss }
    return quantity.rises ? value > former + minimumDelta : value < former - minimumDelta
  }

  /// Refuses an epoch that lacks what is to be compared.
  func require(_ scores: Scores) throws(TrainingFault) {
    guard let monitor, scores[monitor] == nil else { return }
    throw .notMonitored(monitor, available: Monitor.allCases.filter { scores[$0] != nil })
  }
}

/// How a model did on examples it did not learn from.
public struct Scores: Codable, Equatable, Sendable {
  /// The mean loss.
  public var loss: Double
  /// The share predicted rightly; nil where the task has no right and wrong.
  public var accuracy: Double?
  /// The mean of the classes' F1 scores; nil where no classes are predicted, and for the training part.
  public var macroF1: Double?
  /// The mean of the classes' recalls.
  public var balancedAccuracy: Double?
  /// The mean of the F1 scores, each class as often as it occurs (scikit-learn's `average="weighted"`).
  public var weightedF1: Double?
  /// Matthews' correlation of labels and predictions, from −1 to 1.
  public var matthewsCorrelation: Double?
  /// Cohen's κ: the agreement of labels and predictions beyond chance, at most 1.
  public var cohensKappa: Double?
  /// The share whose class is among the k most probable ones; nil where nobody asks for it.
  public var topK: Double?
  /// How well numbers are estimated, in the data's own units; nil where classes are predicted.
  public var rmse: Double?
  /// The mean absolute error.
  public var mae: Double?
  /// The share of the variance that is explained.
  public var r2: Double?
  /// Of networks that learn without labels, where all their visible units are binary.
  public var pseudoLikelihood: Double?

  /// A loss, and an accuracy where there is one.
  public init(loss: Double, accuracy: Double? = nil) {
    self.loss = loss
    self.accuracy = accuracy
  }

  /// The quantity, where it is known.
  public subscript(_ quantity: Monitor) -> Double? {
    get { self[keyPath: Self.path(of: quantity)] }
    set { self[keyPath: Self.path(of: quantity)] = newValue }
  }

  private static func path(of quantity: Monitor) -> WritableKeyPath<Scores, Double?> {
    switch quantity {
    case .loss: \.knownLoss
    case .accuracy: \.accuracy
    case .macroF1: \.macroF1
    case .balancedAccuracy: \.balancedAccuracy
    case .weightedF1: \.weightedF1
    case .matthewsCorrelation: \.matthewsCorrelation
    case .cohensKappa: \.cohensKappa
    case .topK: \.topK
    case .rmse: \.rmse
    case .mae: \.mae
    case .r2: \.r2
    case .pseudoLikelihood: \.pseudoLikelihood
    }
  }

  /// The loss is always known.
  private var knownLoss: Double? {
    get { loss }
    set { loss = newValue ?? loss }
  }

  /// Takes over what is counted by class.
  mutating func count(_ tally: ClassTally) {
    macroF1 = tally.macroF1
    balancedAccuracy = tally.balancedAccuracy
    weightedF1 = tally.weightedF1
    // As scikit-learn has them where they are undefined: an epoch that predicts one class only is no fault.
    matthewsCorrelation = tally.macroF1.map { _ in tally.matthewsCorrelation ?? 0 }
    cohensKappa = tally.macroF1.map { _ in tally.cohensKappa ?? 0 }
  }

  /// More accurate, or as accurate with less loss.
  public func isBetter(than other: Scores) -> Bool { BestChoice().isBetter(self, than: other) }
}
