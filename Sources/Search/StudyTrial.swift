/// A trial of a study.
public struct StudyTrial: Equatable, Sendable {
  /// How far a trial came.
  public enum State: String, Sendable, CaseIterable {
    /// Its values are given, in part or in whole, and nobody tries them yet.
    case waiting
    /// A process tries it.
    case running
    /// It came to its end and has a value.
    case finished
    /// It was stopped early.
    case pruned
    /// It ended with an error: see `message`.
    case failed
  }

  /// Counted from 0, in the order in which trials began.
  public let number: Int
  /// How far it came when the study was read.
  public let state: State
  /// The values of the settings that apply.
  public let values: [String: String]
  /// Of one that finished: what is searched for. Of one that was stopped: the best until then.
  public let value: Double?
  /// The loss beside the value, by which trials with the same value are told apart; nil where it is not known.
  public let loss: Double?
  /// The standard deviation of the values of splits of the data, of which `value` is the mean; nil for one split.
  public let deviation: Double?
  /// After each epoch, of each split of the data; what was not reported is missing.
  public let reports: [Report]
  /// Why it failed.
  public let message: String?
  /// How long it took; nil until it is over.
  public let seconds: Double?

  /// A value that a trial reported after an epoch.
  public struct Report: Equatable, Sendable {
    /// Counted from 0.
    public let split: Int
    /// Counted from 1.
    public let epoch: Int
    /// What is searched for, after this epoch.
    public let value: Double
  }

  /// The last epoch that was reported; 0 for none.
  public var epochs: Int { reports.map(\.epoch).max() ?? 0 }

  /// As a sampler sees it.
  ///
  /// - Parameter rises: whether more of the value is better.
  public func observation(rises: Bool) -> Observation? {
    func sign(_ value: Double) -> Double { rises ? -value : value }
    switch state {
    case .waiting: return nil
    case .running: return values.isEmpty ? nil : Observation(values, .running)
    case .finished: return value.map { Observation(values, .finished(sign($0))) }
    case .pruned: return Observation(values, .pruned(epoch: epochs, value.map(sign) ?? .infinity))
    case .failed: return Observation(values, .failed)
    }
  }
}

/// The right to run a trial, which ends when the trial does or another process takes it over.
public struct TrialClaim: Sendable {
  /// The trial's number, from 0.
  public let number: Int
  /// The values that it has already.
  public let given: [String: String]
  /// Whether these are all.
  public let isComplete: Bool
  let token: String
}
