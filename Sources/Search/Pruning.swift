/// Which trials are stopped before their last epoch.
public enum Pruning: String, CaseIterable, Codable, Sendable {
  /// No trial is stopped.
  case none
  /// `MedianPruner`
  case median
  /// `SuccessiveHalving`
  case asha

  /// Whether a trial is stopped after an epoch. Less is better.
  ///
  /// - Parameters:
  ///   - values: of the trial by its epochs, counted from 1; the last is that of the current epoch.
  ///   - others: those of other trials, and whether they came to their end.
  public func stops(_ values: [Double], others: [(values: [Double], isFinished: Bool)]) -> Bool {
    switch self {
    case .none: false
    case .median: MedianPruner().stops(values, finished: others.filter(\.isFinished).map(\.values))
    case .asha: SuccessiveHalving().stops(values, others: others.map(\.values))
    }
  }
}

/// Stops a trial whose best value so far is worse than the median of what finished trials had after the same epoch (Golovin et
/// al., "Google Vizier", 2017).
public struct MedianPruner: Sendable {
  /// How many trials have to be finished before any is stopped.
  public var startup = 5
  /// The epochs that every trial has.
  public var warmUp = 1

  /// Five finished trials, and one epoch for every trial.
  public init() {}

  /// Whether a trial stops after its last epoch so far.
  ///
  /// - Parameters:
  ///   - values: of the trial by its epochs, counted from 1; less is better.
  ///   - finished: those of trials that came to their end.
  public func stops(_ values: [Double], finished: [[Double]]) -> Bool {
    let epoch = values.count
    guard epoch > warmUp, finished.count >= startup, let best = values.filter({ !$0.isNaN }).min() else { return false }
    let there = finished.compactMap { $0[safe: epoch - 1] }.filter { !$0.isNaN }.sorted()
    guard !there.isEmpty else { return false }
    let middle = there.count / 2
    let median = there.count % 2 == 1 ? there[middle] : (there[middle - 1] + there[middle]) / 2
    return best > median
  }
}

/// Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020), by stopping: at
/// the rungs, which are the epochs 1, 3, 9, 27, …, a trial goes on if it is among the best third of all that have come there so
/// far, and the first to come goes on.
public struct SuccessiveHalving: Sendable {
  /// The epoch of the first rung.
  public var minimum = 1
  /// Of this many trials at a rung one goes on.
  public var reduction = 3

  /// Rungs at the epochs 1, 3, 9, 27, …, where a third goes on.
  public init() {}

  /// Whether an epoch is a rung.
  public func isRung(_ epoch: Int) -> Bool {
    var rung = minimum
    while rung < epoch, rung <= Int.max / reduction { rung *= reduction }
    return rung == epoch
  }

  /// Whether a trial stops after its last epoch so far.
  public func stops(_ values: [Double], others: [[Double]]) -> Bool {
    guard isRung(values.count), let value = values.last else { return false }
    guard !value.isNaN else { return true }
    let there = others.compactMap { $0[safe: values.count - 1] }.filter { !$0.isNaN }
    let kept = max(1, (there.count + 1) / reduction)
    // Equal values go on together.
    return there.count { $0 < value } >= kept
  }
}
