import Aviary
import AviarySearch

/// What a search is told.
struct SearchPlan {
  let command: SearchedCommand
  let space: SearchSpace
  let method: SearchMethod
  let study: String
  let seed: UInt64
  /// nil for the accuracy, or else the loss.
  let monitor: Monitor?
  var pruning = Pruning.none
  var starts: [(text: String, values: [String: String])] = []
  /// What the settings are where nothing is said about them; nil where that is not known, or not among what is searched.
  var ownValues: [String: String]?
  /// The texts of the settings.
  var settings: [String] = []
  var seconds: Double?
  /// The most trials of the study; nil for any number.
  var limit: Int?
  var sampler: any SettingSampler

  init(
    command: SearchedCommand, space: SearchSpace, method: SearchMethod, study: String, seed: UInt64, monitor: Monitor?
  ) {
    self.command = command
    self.space = space
    self.method = method
    self.study = study
    self.seed = seed
    self.monitor = monitor
    sampler = RandomSampler(space, seed: seed)
  }

  /// Where the runs of trials are, and what they share.
  var folder: String { study + ".runs" }

  /// What all trials of a study have in common.
  var facts: [(name: String, value: String)] {
    [
      ("command", command.name), ("arguments", command.identity),
      ("settings", settings.sorted().joined(separator: " ")),
      ("monitor", monitor?.word ?? "usual"), ("seed", "\(seed)"),
    ]
  }
}

/// Why a search ends without a result.
enum SearchRunFault: Swift.Error, Equatable, CustomStringConvertible {
  /// The first trials failed, all for the same reason.
  case allFail(count: Int, reason: String)
  /// No trial has come to its end.
  case noResult(path: String, failed: Int, reason: String?)
  /// There is nothing to draw.
  case nothingToDraw(path: String)
  /// Nothing is held out to compare trials on.
  case noValidation

  var description: String {
    switch self {
    case .allFail(let count, let reason): "the first \(count) trials failed: \(reason)"
    case .noResult(let path, let failed, let reason):
      "\(path): no trial has finished"
        + (failed > 0 ? "; \(failed) failed" + (reason.map { ", the last one because: \($0)" } ?? "") : "")
    case .nothingToDraw(let path): "\(path): has no finished trials to draw"
    case .noValidation: "nothing is held out for validation; give --validation"
    }
  }
}
