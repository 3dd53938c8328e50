import ArgumentParser
import Aviary
import AviaryArchives

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluate a checkpoint on images, a table, a graph or a text.",
    discussion: """
      Data that the checkpoint's network was trained on are evaluated on the part that was held out for the test: rows of a \
      table, the end of a time series or text, nodes of a graph, graphs of a collection. Another table, text or collection \
      is evaluated whole. Of an image folder with the parts train, valid and test, the test part is evaluated. Images that \
      cannot be read are named and left out; the evaluation fails if no image of a class can be read, or with --max-skipped, if more than that share \
      cannot. Several checkpoints are evaluated one by one and together, as an ensemble; a folder of folds or members stands \
      for all of them.
      """)

  @Argument(
    help: ArgumentHelp(
      "The checkpoint: a file, a run, or the name of shipped weights; several for an ensemble; or a .csv file of held-out predictions, such as RUN/out-of-fold.csv.",
      valueName: "checkpoint"))
  var checkpoints: [String]
  @Option(
    help: ArgumentHelp("Images, a table, a graph or a text, as for train (of a run its own).", valueName: "data"))
  var data: String?
  @Option(
    help: ArgumentHelp(
      "The part of the data: what was held out of the training, or all (test; all of data that the network does not know).",
      valueName: "part"))
  var part: EvaluationPart?
  @Flag(help: "Print one JSON object.") var json = false
  @Option(
    help: ArgumentHelp("Write a self-contained page and a model card into this folder, too.", valueName: "dir"))
  var report: String?
  @OptionGroup var further: EvaluationArguments
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var columns: ColumnOptions
  @OptionGroup(title: "Ensembles") var ensemble: EnsembleArguments
  @OptionGroup var writing: WritingOptions
  @OptionGroup var reading: ReadingArguments
  @OptionGroup var computing: PrecisionArguments
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  var checkpoint: String { checkpoints[0] }

  func run() throws {
    if let report { try ReportPage.check(report) }
    if checkpoints.count == 1, checkpoint.hasSuffix(".csv"), !FileSystem.isFolder(checkpoint) {
      return try evaluatePredictions()
    }
    computing.apply()
    let data = try data ?? ownData()
    try requireShareable(data)
    if further.epochs {
      guard checkpoints.count == 1 else { throw OptionFault("--epochs is for one run; give one") }
      return try evaluateEpochs(on: data)
    }
    let choice = try EnsembleChoice(checkpoints, ensemble, weights)
    if !choice.isSingle {
      try writing.requireNone(path: checkpoint)
      if report != nil { throw OptionFault("--report is for one checkpoint, without --tta; leave it out") }
      if further.labelProblems != nil {
        throw OptionFault("--label-problems is for one checkpoint, without --tta; leave it out")
      }
      if let name = further.slice.first {
        throw OptionFault("--slice \(name) is for one checkpoint, without --tta; leave it out")
      }
      let evaluation = try tellingOnce {
        try EnsembleEvaluation(choice, on: data, part: part, columns: columns, reading: reading, source: source)
      }
      return evaluation.report.print(asJSON: json)
    }
    if try evaluateUnlabeledImages(data) { return }
    let evaluation = try CheckpointEvaluation(
      checkpoint, on: data, part: part, columns: columns, reading: reading, source: source, weights: weights,
      writing: writing, slices: .init(names: further.slice, isForPage: report != nil))
    // First, so that a folder that cannot be written does not cost the results.
    evaluation.report.print(asJSON: json)
    if Processes.current?.group.isWriter == false { return }
    try further.writeLabelProblems(of: evaluation.report, data: data)
    if let folder = report {
      // A run's own curves belong into it.
      let record = FileSystem.exists(checkpoint + "/best.h5") ? try? RunRecord(reading: checkpoint) : nil
      let page = try evaluation.writeReport(
        to: folder, title: ReportCommand.name(of: checkpoint), record: record)
      tell("report: \(page)")
    }
  }

  /// Refuses what several processes cannot share.
  private func requireShareable(_ named: String) throws {
    guard Processes.current != nil else { return }
    if further.slice.first != nil { throw OptionFault("--slice is for one process: use aviary evaluate") }
    if further.epochs { throw OptionFault("--epochs is for one process: use aviary evaluate") }
    if try !EnsembleChoice(checkpoints, ensemble, weights).isSingle {
      throw OptionFault("several checkpoints, or --tta, are for one process: use aviary evaluate")
    }
    if try DataSource.kind(of: weights.dataPath(named)) != .images {
      throw OptionFault("evaluating with several processes is for images: use aviary evaluate for \(named)")
    }
  }

  /// Of a network that learned images without labels: there are no classes to be right about. False for another one.
  private func evaluateUnlabeledImages(_ named: String) throws -> Bool {
    let data = try weights.dataPath(named)
    guard try DataSource.kind(of: data) == .images else { return false }
    let opened = try OpenedCheckpoint(checkpoint, source, weights: weights)
    guard let predictor = try opened.unlabeledImages() else { return false }
    try columns.requireNone(path: checkpoint)
    try writing.requireNone(path: checkpoint)
    try reading.check(.images, data)
    reading.setThreads()
    if report != nil { throw CommandFault.noReport(path: opened.path) }
    if let name = further.slice.first {
      throw OptionFault(
        "--slice \(name): \(opened.path) learned without classes, so nothing is right or wrong; leave it out")
    }
    try UnlabeledImages(predictor, opened.path, reading).evaluation(of: data, part).print(asJSON: json)
    return true
  }
}
