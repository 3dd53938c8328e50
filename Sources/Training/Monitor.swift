/// A quantity of validation by which the best epoch is chosen, and by which a run stops early.
public enum Monitor: String, Codable, CaseIterable, Sendable {
  case loss
  case accuracy
  /// Root mean squared error of estimated numbers, in the data's own units.
  case rmse
  /// Mean absolute error of estimated numbers, in the data's own units.
  case mae
  /// The share of the variance of numbers that the estimates explain.
  case r2

  /// Whether more of it is better.
  public var rises: Bool { self == .accuracy || self == .r2 }

  /// What classifications report, and what estimates of numbers do.
  static let ofClasses: [Monitor] = [.loss, .accuracy]
  static let ofNumbers: [Monitor] = [.loss, .rmse, .mae, .r2]
}

/// How the best epoch is chosen.
public struct BestChoice: Equatable, Sendable {
  /// nil for the accuracy, of which equal ones are told apart by their loss, or else the loss.
  public var monitor: Monitor?
  /// An epoch is better than the best one if its quantity is so by more than this.
  public var minimumDelta: Double

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
    // How much is left to gain in equal accuracies shows in their losses.
    if value == former, quantity == .accuracy, minimumDelta == 0 { return scores.loss < best.loss }
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
  /// How well numbers are estimated, in the data's own units; nil where classes are predicted.
  public var rmse: Double?
  public var mae: Double?
  public var r2: Double?

  public init(loss: Double, accuracy: Double? = nil) {
    self.loss = loss
    self.accuracy = accuracy
  }

  /// The quantity, where it is known.
  public subscript(_ quantity: Monitor) -> Double? {
    switch quantity {
    case .loss: loss
    case .accuracy: accuracy
    case .rmse: rmse
    case .mae: mae
    case .r2: r2
    }
  }

  /// More accurate, or as accurate with less loss.
  public func isBetter(than other: Scores) -> Bool { BestChoice().isBetter(self, than: other) }
}
