import ArgumentParser
import Aviary
import AviaryArchives

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Starts or resumes a run, and reports its results.
struct TrainingRun<Source: TrainingSource> {
  let arguments: TrainingCommand<Source>

  static var discussion: String {
    """
    Writes best.h5 (the weights with the best validation score), last.h5, history.csv and summary.json to RUN. The test \
    part is scored once, at the end, with the best weights; in a text or a time series it is the last tenth, in a table \
    a random tenth. Ctrl-C finishes the step, saves, and prints how to resume (exit code 130). Defaults are in parentheses.
    """
  }

  init(_ arguments: TrainingCommand<Source>) { self.arguments = arguments }

  func run() throws {
    if let folder = arguments.resume {
      var changes = try arguments.changes()
      let known = try RunFolder.options(at: folder).watching
      let watching = arguments.watching.options(over: known)
      if watching != known { changes.watching = watching }
      let hooks = { arguments.watching.hooks(run: $0, watching) }
      if MemberTraining.isPresent(at: folder) {
        if Processes.current != nil { throw OptionFault("\(folder) holds several runs: use aviary \(Source.command)") }
        return try finish(
          try MemberTraining.resume(
            at: folder, registry: AviaryCommand.registry, changes: changes,
            reading: { try $1.checkpoint(at: $0) }, hooks: hooks, report: { tell($0) }))
      }
      return try finish(
        try NetworkTraining.resume(
          at: folder, registry: AviaryCommand.registry, changes: changes,
          reading: { try $1.checkpoint(at: $0) }, hooks: hooks(folder), report: { tell($0) }))
    }
    let (begun, source) = try arguments.begin()
    if let path = arguments.epochOptions.findLearningRate {
      return try findLearningRate(begun, source, picture: path)
    }
    var options = begun
    options.command = CommandLineRecord.current
    options.watching = arguments.watching.options()
    Processes.current?.share(&options)
    let hooks = { [watching = options.watching] in arguments.watching.hooks(run: $0, watching) }
    tell(try describeData(options.data, options.kind))
    let folder = arguments.output ?? ""
    if options.members != nil {
      if Processes.current != nil {
        throw OptionFault("--folds, --repeats and other runs in one are for one process: use aviary \(Source.command)")
      }
      return try finish(
        try MemberTraining.start(
          options, from: source, registry: AviaryCommand.registry, at: folder, hooks: hooks
        ) { tell($0) })
    }
    try finish(
      try NetworkTraining.start(
        options, from: source, registry: AviaryCommand.registry, at: folder, hooks: hooks(folder)
      ) { tell($0) })
  }

  private func finish(_ report: TrainingReport) throws {
    guard let summary = report.summary else {
      // Before the first epoch there may be nothing to save yet.
      try stop(report.folder, isSaved: FileSystem.exists(report.folder + "/last.h5"))
    }
    try show(summary, lines(summary, report.folder))
  }

  private func finish(_ report: MemberTraining.Report) throws {
    guard let summary = report.summary else { try stop(report.folder, isSaved: true) }
    try show(summary, summary.lines(report.folder))
  }

  private func stop(_ folder: String, isSaved: Bool) throws -> Never {
    tell(
      (isSaved ? "interrupted; everything is saved. Resume" : "interrupted before the first epoch. Start again")
        + " with: \(Processes.current.map { "mpirun -n \($0.group.count) aviary-mpi" } ?? "aviary") \(Source.command) --resume \(folder)"
    )
    throw ExitCode(130)
  }

  private func show(_ summary: some Encodable, _ lines: [String]) throws {
    for line in lines { AviaryCommands.show(line) }
    guard arguments.json else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(summary), as: UTF8.self)
    tellOfBytes(in: text)
    print(text)
  }

  private func lines(_ summary: RunSummary, _ folder: String) -> [String] {
    var lines = [
      "\(summary.architecture): \(counted(summary.epochs, "epoch")) in \(fixed(summary.seconds, 1)) s"
        + (summary.imagesPerSecond.map { ", \(fixed($0, 0)) \(summary.items)/s" } ?? "")
        + ", \(grouped(summary.trainable)) of \(grouped(summary.parameters)) parameters trained"
    ]
    if let best = best(summary), let epoch = summary.bestEpoch {
      lines.append("best validation \(best), in epoch \(epoch)")
    }
    if let accuracy = summary.testAccuracy {
      lines.append("test accuracy \(percent(accuracy))")
    } else if let loss = summary.testLoss {
      lines.append(
        "test loss \(fixed(loss, 4))"
          + (summary.testPseudoLikelihood.map { ", pseudo-likelihood \(significant($0, 5))" } ?? ""))
    }
    if let error = summary.testRMSE {
      lines.append(
        "test RMSE \(significant(error, 5))" + (summary.testMAE.map { ", MAE \(significant($0, 5))" } ?? "")
          + ", R² \(summary.testR2.map { "\(significant($0, 5))" } ?? "-"), in the target's units")
    }
    if summary.testIsConstant == true { lines.append(constantEstimates) }
    if summary.skipped > 0 { lines.append("\(grouped(summary.skipped)) \(summary.items) skipped") }
    lines.append("\(folder)/best.h5, last.h5, history.csv, summary.json")
    return lines
  }
}

/// The quantity by which the best epoch was chosen, and what it was.
private func best(_ summary: RunSummary) -> String? {
  func number(_ name: String, _ value: Double?) -> String? { value.map { "\(name) \(significant($0, 5))" } }
  switch summary.monitor {
  case .accuracy: return summary.bestAccuracy.map { "accuracy \(percent($0))" }
  case .macroF1: return number("macro F1", summary.bestMacroF1)
  case .balancedAccuracy: return summary.bestBalancedAccuracy.map { "balanced accuracy \(percent($0))" }
  case .weightedF1: return number("weighted F1", summary.bestWeightedF1)
  case .matthewsCorrelation: return number("Matthews correlation", summary.bestMatthewsCorrelation)
  case .cohensKappa: return number("Cohen's kappa", summary.bestCohensKappa)
  case .topK: return summary.bestTopK.map { "top-k accuracy \(percent($0))" }
  case .loss:
    let accuracy = summary.bestAccuracy.map { " (accuracy \(percent($0)))" } ?? ""
    return summary.bestLoss.map { "loss \(fixed($0, 4))" + accuracy }
  case .rmse: return number("RMSE", summary.bestRMSE)
  case .mae: return number("MAE", summary.bestMAE)
  case .r2: return number("R²", summary.bestR2)
  case .pseudoLikelihood: return number("pseudo-likelihood", summary.bestPseudoLikelihood)
  case nil: return nil
  }
}
