import ArgumentParser
import Aviary

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluate a checkpoint on images, a table, a graph or a text.",
    discussion: """
      An image folder with the parts train, valid and test is evaluated on test, another one on all of its images; a graph \
      on its test nodes; a table or a text on all of it. Images that cannot be read are named and left out; the evaluation \
      fails if no image of a class can be read, or with --max-skipped, if more than that share cannot.
      """)

  @Argument(help: "The checkpoint: a file, a run, or the name of shipped weights.") var checkpoint: String
  @Option(help: ArgumentHelp("Images, a table, a graph or a text, as for train.", valueName: "data")) var data: String
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var reading: ReadingArguments
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    let kind = try DataSource.kind(of: data)
    try reading.check(kind, data)
    reading.setThreads()
    if kind != .images {
      return try DataEvaluation(checkpoint, source, weights: weights).report(on: data, kind).print(asJSON: json)
    }
    let loaded = try LoadedModel(checkpoint, source, weights: weights, needsHead: true)
    let part = try DataPart.forEvaluation(
      data, classes: loaded.predictor.namesClasses ? loaded.classes : nil, limit: reading.limit)
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
