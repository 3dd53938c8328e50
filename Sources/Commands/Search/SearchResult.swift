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
    importance = Importance.shares(plan.space, trials.compactMap { $0.observation(rises: monitor.rises) })
  }

  /// The finished trial with the best value; the first of equal ones.
  static func best(_ trials: [StudyTrial], _ monitor: Monitor) -> StudyTrial? { ranked(trials, monitor).first }

  /// The finished trials, the best first.
  static func ranked(_ trials: [StudyTrial], _ monitor: Monitor) -> [StudyTrial] {
    trials.filter { $0.state == .finished && $0.value?.isFinite == true }.sorted { first, second in
      let (a, b) = (first.value ?? 0, second.value ?? 0)
      return a == b ? first.number < second.number : monitor.rises ? a > b : a < b
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
    lines.append("best \(monitor.word) \(significant(best.value ?? .nan, 5)), in trial \(best.number + 1):")
    lines.append("  " + command)
    return lines
  }

  private var rows: [[String]] {
    let space = plan.space
    let header = ["trial", monitor.word, "", "epochs", "seconds"] + space.parameters.map(\.name)
    return [header]
      + Self.ranked(trials, monitor).prefix(Self.mostLines).map { trial in
        [
          "\(trial.number + 1)", "\(significant(trial.value ?? .nan, 5))", trial.number == best.number ? "best" : "",
          "\(trial.epochs)", trial.seconds.map { "\(significant($0, 3))" } ?? "",
        ] + space.parameters.map { trial.values[$0.name] ?? "-" }
      }
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
      let settings: [String: String]
      let epochs: Int
      let seconds: Double?
      let message: String?

      init(_ trial: StudyTrial) {
        self.trial = trial.number + 1
        state = trial.state.rawValue
        value = trial.value.flatMap { $0.isFinite ? $0 : nil }
        (settings, epochs) = (trial.values, trial.epochs)
        (seconds, message) = (trial.seconds, trial.message)
      }
    }

    let study: String
    let method: String
    let monitor: String
    let best: Trial
    let importance: [String: Double]
    let command: String
    let trials: [Trial]
  }

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let report = Report(
      study: plan.study, method: plan.method.rawValue, monitor: monitor.word, best: .init(best),
      importance: Dictionary(uniqueKeysWithValues: importance.map { ($0.name, $0.share) }), command: command,
      trials: trials.map { .init($0) })
    return String(decoding: try encoder.encode(report), as: UTF8.self)
  }
}
