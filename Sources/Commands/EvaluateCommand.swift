import ArgumentParser
import Aviary

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how well a checkpoint does on images, the rows of a table, the nodes of a graph, or a text.",
    discussion: """
      Of images with the parts train, valid and test, the test images count, else all of them; of a graph its test nodes; \
      of a table or a text all of it.
      """)

  @Argument(help: "The checkpoint: a file, or the name of shipped weights.") var checkpoint: String
  @Option(help: ArgumentHelp("Images, a table, a graph or a text, as for train.", valueName: "data")) var data: String
  @Flag(help: "Print one JSON object.") var json = false
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
      data, classes: loaded.namesClasses ? loaded.classes : nil, limit: reading.limit)
    let count = loaded.model.configuration.outputs
    guard part.folder.classes.count == count else {
      throw CommandFault.classCount(source: data, found: part.folder.classes.count, expected: count)
    }
    tell(part.described(data))
    var metrics = ClassificationMetrics(classes: part.folder.classes)
    let entries = part.folder.entries
    let skipped = try Photographs.forEachBatch(
      entries, of: loaded, workers: reading.workers, label: "evaluating"
    ) { batch in
      let scalars = loaded.logProbabilities(batch.inputs).scalars
      for (row, index) in batch.indices.enumerated() {
        let scores = scalars[(row * count)..<((row + 1) * count)]
        let label = entries[index].label
        let best = scores.indices.max { (scores[$0], $1) < (scores[$1], $0) } ?? row * count
        metrics.add(label: label, predicted: best - row * count, loss: -Double(scores[row * count + label]))
      }
    }
    guard metrics.count > 0 else {
      throw CommandFault.nothingDecoded(path: data, first: skipped.first?.reason ?? "there is none")
    }
    for image in skipped { tell("skipped: \(image.reason)") }
    var report = EvaluationReport(
      metrics, item: "image", skipped: skipped.map { (entries[$0.index].path, $0.reason) })
    report.members.append(("part", part.name.map { .text($0) } ?? .null))
    report.print(asJSON: json)
  }
}
