import ArgumentParser
import Aviary
import AviaryArchives
import AviarySearch

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One trial: a run of the command, watched epoch by epoch.
final class TrialRun {
  enum Outcome {
    /// The value of the best epoch, or of all splits of the data.
    case finished(Value)
    /// The best value until it was stopped.
    case pruned(Double?)
    case failed(String)
    /// Somebody asked to stop.
    case interrupted
  }

  /// What a trial is worth.
  struct Value {
    /// The mean over splits of the data.
    let mean: Double
    /// The loss beside it.
    let loss: Double?
    /// The standard deviation over splits; nil for one.
    var deviation: Double?

    init(_ mean: Double, loss: Double?) { (self.mean, self.loss) = (mean, loss) }

    /// What trials are compared by, over all splits.
    init(_ splits: [Value]) {
      let count = Double(splits.count)
      func average(_ values: [Double]) -> Double { values.reduce(0, +) / count }
      mean = average(splits.map(\.mean))
      let losses = splits.compactMap(\.loss)
      loss = losses.count == splits.count ? average(losses) : nil
      guard splits.count > 1 else { return }
      let squares = splits.reduce(0) { [mean] in $0 + ($1.mean - mean) * ($1.mean - mean) }
      deviation = (squares / (count - 1)).squareRoot()
    }
  }

  private let plan: SearchPlan
  private let study: Study
  private let claim: TrialClaim
  private let values: [String: String]
  private let shared: SharedReadings
  /// Whether more is better; nil before anything was measured.
  private var rises: Bool?

  /// - Parameter shared: of all trials that this process runs.
  init(
    _ plan: SearchPlan, _ study: Study, _ claim: TrialClaim, _ values: [String: String], _ shared: SharedReadings,
    rises: Bool?
  ) {
    self.plan = plan
    self.study = study
    self.claim = claim
    self.values = values
    self.shared = shared
    self.rises = rises
  }

  /// - Parameter measure: what trials are compared by, given the scores of an epoch.
  func run(_ measure: @escaping (Scores) throws -> Monitor) throws -> Outcome {
    let folder = plan.folder + "/trial-\(claim.number + 1)"
    // A killed process may have left it.
    try? FileManager.default.removeItem(atPath: folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let wasSilent = Notices.areSilenced
    Notices.areSilenced = true
    defer { Notices.areSilenced = wasSilent }
    do {
      let (options, source) = try plan.command.command(with: values, for: folder).begin()
      var values: [Value] = []
      let splits = Self.splits(of: options)
      for (split, options) in splits.enumerated() {
        let watch = Watch(split: split)
        let outcome = try run(options, source, in: folder + "/split-\(split + 1)", watch, measure)
        guard case .finished(let value) = outcome else { return outcome }
        values.append(value)
      }
      return .finished(Value(values))
    } catch let fault as SearchFault {
      throw fault
    } catch let fault as StudyError {
      throw fault.fault
    } catch let fault {
      return .failed(Self.message(fault))
    }
  }

  /// The splits of the data that a trial is measured on, a run each; its value is the mean of theirs.
  ///
  /// Of folds it is that of the items that a fold holds out, or else that of the validation part.
  private static func splits(of options: TrainingOptions) -> [TrainingOptions] {
    guard let members = options.members else { return [options] }
    return (0..<members.count).map { members.options($0, of: options) }
  }

  private func run(
    _ options: TrainingOptions, _ source: NetworkTraining.Source, in folder: String, _ watch: Watch,
    _ measure: @escaping (Scores) throws -> Monitor
  ) throws -> Outcome {
    let report: TrainingReport
    do {
      report = try SharedReadings.$current.withValue(shared) {
        try NetworkTraining.start(
          options, from: source, registry: AviaryCommand.registry, at: folder,
          hooks: hooks(watch, measure, scoresTest: options.parts.fold != nil)
        ) { _ in }
      }
    } catch {
      // What the study could not keep comes before what became of the run.
      throw watch.fault.map { StudyError(fault: $0) } ?? error
    }
    if let fault = watch.fault { throw StudyError(fault: fault) }
    if let summary = report.summary {
      if options.parts.fold != nil, let monitor = watch.monitor {
        return summary.tested(monitor).map { .finished(Value($0, loss: summary.testLoss)) }
          ?? .failed("\(SearchRunFault.noValidation)")
      }
      return watch.chosen.map { .finished($0) } ?? .failed("\(SearchRunFault.noValidation)")
    }
    return watch.isPruned ? .pruned(watch.best(rises ?? false)) : .interrupted
  }

  /// The study's fault, not the trial's.
  private struct StudyError: Error { let fault: any Error }

  /// What an epoch told.
  private final class Watch {
    /// Counted from 0.
    let split: Int
    var values: [Double] = []
    /// Of the best epoch, which is kept.
    var chosen: Value?
    /// What is compared, once an epoch was scored.
    var monitor: Monitor?
    var isPruned = false
    var fault: (any Error)?

    init(split: Int) { self.split = split }

    func best(_ rises: Bool) -> Double? { rises ? values.max() : values.min() }
  }

  private func hooks(
    _ watch: Watch, _ measure: @escaping (Scores) throws -> Monitor, scoresTest: Bool
  ) -> TrainingHooks {
    var hooks = TrainingHooks()
    hooks.scoresTest = scoresTest
    hooks.observe = { [self] event in
      guard case .finishedEpoch(let row, let isBest) = event, watch.fault == nil else { return }
      do { try observe(row, isBest: isBest, watch, measure) } catch { watch.fault = error }
    }
    hooks.isInterrupted = { watch.isPruned || watch.fault != nil }
    return hooks
  }

  private func observe(
    _ row: HistoryRow, isBest: Bool, _ watch: Watch, _ measure: (Scores) throws -> Monitor
  ) throws {
    guard let scores = row.validation else { return }
    let monitor = try measure(scores)
    guard let value = scores[monitor] else { return }
    rises = monitor.rises
    watch.monitor = monitor
    watch.values.append(value)
    if isBest { watch.chosen = Value(value, loss: scores.loss) }
    try study.report(claim, split: watch.split, epoch: row.epoch, value)
    // A trial that came through its first split has the others in full.
    guard plan.pruning != .none, watch.split == 0 else { return }
    let sign = monitor.rises ? -1.0 : 1.0
    let others = try study.trials(in: plan.space).filter { $0.number != claim.number && !$0.reports.isEmpty }.map {
      trial in
      (values: trial.reports.filter { $0.split == 0 }.map { sign * $0.value }, isFinished: trial.state == .finished)
    }
    watch.isPruned = plan.pruning.stops(watch.values.map { sign * $0 }, others: others)
  }

  /// A fault in one line; of wrong usage without how to use the command.
  private static func message(_ fault: any Error) -> String {
    let text =
      TrainCommand.exitCode(for: fault) == .validationFailure ? TrainCommand.message(for: fault) : "\(fault)"
    return text.split(separator: "\n").first.map(String.init) ?? text
  }
}
