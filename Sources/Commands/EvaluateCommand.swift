import ArgumentParser
import Aviary

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluate a checkpoint on images, a table, a graph or a text.",
    discussion: """
      Data that the checkpoint's network was trained on are evaluated on the part that was held out for the test: rows of a \
      table, the end of a time series or text, nodes of a graph. Another table or text is evaluated whole. Of an image \
      folder with the parts train, valid and test, the test part is evaluated. Images that cannot be read are named and \
      left out; the evaluation fails if no image of a class can be read, or with --max-skipped, if more than that share \
      cannot.
      """)

  @Argument(help: "The checkpoint: a file, a run, or the name of shipped weights.") var checkpoint: String
  @Option(help: ArgumentHelp("Images, a table, a graph or a text, as for train.", valueName: "data")) var data: String
  @Option(
    help: ArgumentHelp(
      "The part of the data: what was held out of the training, or all (test; all of data that the network does not know).",
      valueName: "part"))
  var part: EvaluationPart?
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var columns: ColumnOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup var reading: ReadingArguments
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    let data = try weights.dataPath(data)
    let kind = try DataSource.kind(of: data)
    try reading.check(kind, data)
    reading.setThreads()
    if kind != .images {
      return try DataEvaluation(checkpoint, source, weights: weights, part: part, writing: writing).report(
        on: data, kind, columns
      )
      .print(asJSON: json)
    }
    try columns.requireNone(path: checkpoint)
    try writing.requireNone(path: checkpoint)
    let loaded = try LoadedModel(checkpoint, source, weights: weights, needsHead: true)
    let part = try DataPart.forEvaluation(
      data, classes: loaded.predictor.namesClasses ? loaded.classes : nil, limit: reading.limit, part,
      of: loaded.predictor.metadata, loaded.path)
    let count = loaded.model.configuration.outputs
    guard part.folder.classes.count == count else {
      throw CommandFault.classCount(source: data, found: part.folder.classes.count, expected: count)
    }
    part.announce(data)
    let entries = part.folder.entries
    let (metrics, skipped) = try loaded.withProgress("evaluating", of: entries.count) { progress in
      try loaded.predictor.evaluate(
        entries, classes: part.folder.classes, workers: reading.workers ?? availableCores(), progress: progress)
    }
    guard metrics.count > 0 else {
      throw CommandFault.nothingDecoded(path: data, first: skipped.first.map { "\($0.fault)" } ?? "the folder is empty")
    }
    for image in skipped { tell("skipped: \(image.fault)") }
    let tally = ReadingTally(part.name, part.folder, mostSkipped: reading.maxSkipped?.value ?? 1)
    tally.add(entries, skipped: skipped)
    try tally.check()
    var report = EvaluationReport(
      metrics, item: "image", skipped: skipped.map { (entries[$0.index].path, "\($0.fault)") })
    report.members.append(("part", part.name.map { .text($0) } ?? .null))
    report.print(asJSON: json)
  }
}
