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
    case .accuracy, .macroF1, .balancedAccuracy, .r2, .pseudoLikelihood: true
    }
  }

  /// Whether it is made of counts of right predictions, so that many epochs have the same.
  var countsClasses: Bool { self == .accuracy || self == .macroF1 || self == .balancedAccuracy }

  /// What classifications report, and what estimates of numbers do.
  static let ofClasses: [Monitor] = [.loss, .accuracy, .macroF1, .balancedAccuracy]
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
  /// Means over the classes; nil where no classes are predicted, and for the training part.
  public var macroF1: Double?
  /// The mean of the classes' recalls.
  public var balancedAccuracy: Double?
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
    switch quantity {
    case .loss: loss
    case .accuracy: accuracy
    case .macroF1: macroF1
    case .balancedAccuracy: balancedAccuracy
    case .rmse: rmse
    case .mae: mae
    case .r2: r2
    case .pseudoLikelihood: pseudoLikelihood
    }
  }

  /// Takes over what is counted by class.
  mutating func count(_ tally: ClassTally) {
    macroF1 = tally.macroF1
    balancedAccuracy = tally.balancedAccuracy
  }

  /// More accurate, or as accurate with less loss.
  public func isBetter(than other: Scores) -> Bool { BestChoice().isBetter(self, than: other) }
}
