import Aviary
import AviarySearch

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a search found.
struct SearchResult {
  let plan: SearchPlan
  let trials: [StudyTrial]
  let monitor: Monitor
  let best: StudyTrial
  /// The finished trial with the defaults of the command; nil where there is none.
  let own: StudyTrial?
  /// The share of each setting, the greatest first; empty where too few trials have finished.
  let importance: [(name: String, share: Double)]
  /// How many trials are printed.
  private static let mostLines = 20

  init(_ plan: SearchPlan, _ trials: [StudyTrial], monitor: Monitor?) throws(SearchRunFault) {
    self.plan = plan
    self.trials = trials
    guard let monitor, let best = Self.best(trials, monitor) else {
      let failed = trials.filter { $0.state == .failed }
      throw .noResult(path: plan.study, failed: failed.count, reason: failed.last?.message)
    }
    self.monitor = monitor
    self.best = best
    own = plan.ownValues.flatMap { values in trials.first { $0.state == .finished && $0.values == values } }
    importance = Importance.shares(plan.space, trials.compactMap { $0.observation(rises: monitor.rises) })
  }

  /// The finished trial with the best value; of equal ones that with the least loss, or else the first.
  static func best(_ trials: [StudyTrial], _ monitor: Monitor) -> StudyTrial? { ranked(trials, monitor).first }

  /// The finished trials, the best first; those with the same value by their loss.
  static func ranked(_ trials: [StudyTrial], _ monitor: Monitor) -> [StudyTrial] {
    trials.filter { $0.state == .finished && $0.value?.isFinite == true }.sorted { first, second in
      let (a, b) = (first.value ?? 0, second.value ?? 0)
      if a != b { return monitor.rises ? a > b : a < b }
      let (lossOfFirst, lossOfSecond) = (first.loss ?? .infinity, second.loss ?? .infinity)
      return lossOfFirst == lossOfSecond ? first.number < second.number : lossOfFirst < lossOfSecond
    }
  }

  /// The values of settings, in the order of the space.
  static func text(_ values: [String: String], _ space: SearchSpace) -> String {
    space.parameters.compactMap { parameter in values[parameter.name].map { "\(parameter.name)=\($0)" } }
      .joined(separator: " ")
  }

  // MARK: Lines

  var lines: [String] {
    var lines = table(rows, right: [0, 1, 3, 4])
    let ranked = Self.ranked(trials, monitor)
    let others = trials.count - min(ranked.count, Self.mostLines)
    if others > 0 {
      let states = StudyTrial.State.allCases.compactMap { state -> String? in
        let count = trials.count { $0.state == state } - (state == .finished ? min(ranked.count, Self.mostLines) : 0)
        return count > 0 ? "\(grouped(count)) \(Self.word(state))" : nil
      }
      lines.append("and \(states.joined(separator: ", "))")
    }
    if !importance.isEmpty {
      lines.append("")
      lines += table(
        [["setting", "importance"]] + importance.map { [$0.name, percent($0.share)] }, right: [1])
    }
    lines.append("")
    lines.append("best \(monitor.word) \(Self.value(of: best)), in trial \(best.number + 1):")
    lines.append("  " + command)
    if let own {
      lines.append(
        own.number == best.number
          ? "these are the defaults" : "the defaults: \(Self.value(of: own)), in trial \(own.number + 1)")
    }
    return lines
  }

  private var rows: [[String]] {
    let space = plan.space
    let header = ["trial", monitor.word, "", "epochs", "seconds"] + space.parameters.map(\.name)
    return [header]
      + Self.ranked(trials, monitor).prefix(Self.mostLines).map { trial in
        [
          "\(trial.number + 1)", Self.value(of: trial), mark(of: trial),
          "\(trial.epochs)", trial.seconds.map { "\(significant($0, 3))" } ?? "",
        ] + space.parameters.map { trial.values[$0.name] ?? "-" }
      }
  }

  /// With the standard deviation over splits of the data, where there are several.
  private static func value(of trial: StudyTrial) -> String {
    "\(significant(trial.value ?? .nan, 5))" + (trial.deviation.map { " ± \(significant($0, 2))" } ?? "")
  }

  private func mark(of trial: StudyTrial) -> String {
    trial.number == best.number ? "best" : trial.number == own?.number ? "default" : ""
  }

  private static func word(_ state: StudyTrial.State) -> String { state == .pruned ? "stopped early" : state.rawValue }

  /// What trains the best trial's network.
  var command: String { plan.command.line(with: best.values) }

  // MARK: JSON

  private struct Report: Encodable {
    struct Trial: Encodable {
      let trial: Int
      let state: String
      let value: Double?
      let loss: Double?
      let deviation: Double?
      let settings: [String: String]
      let epochs: Int
      let seconds: Double?
      let message: String?

      init(_ trial: StudyTrial) {
        self.trial = trial.number + 1
        state = trial.state.rawValue
        func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
        (value, loss, deviation) = (finite(trial.value), finite(trial.loss), finite(trial.deviation))
        (settings, epochs) = (trial.values, trial.epochs)
        (seconds, message) = (trial.seconds, trial.message)
      }
    }

    let study: String
    let method: String
    let monitor: String
    let best: Trial
    let `default`: Trial?
    let importance: [String: Double]
    let command: String
    let trials: [Trial]
  }

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let report = Report(
      study: plan.study, method: plan.method.rawValue, monitor: monitor.word, best: .init(best),
      default: own.map { .init($0) },
      importance: Dictionary(uniqueKeysWithValues: importance.map { ($0.name, $0.share) }), command: command,
      trials: trials.map { .init($0) })
    return String(decoding: try encoder.encode(report), as: UTF8.self)
  }
}
