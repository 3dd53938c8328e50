import ArgumentParser
import Aviary

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Measure how well a checkpoint tells the photographs of a folder apart.",
    discussion: "Of a folder with the parts train, valid and test, the test images count; else all of them.")

  @Argument(help: "The checkpoint: a file, or the name of shipped weights.") var checkpoint: String
  @Option(help: ArgumentHelp("The image folder: DIR/<class>/<image>.", valueName: "dir")) var data: String
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    let loaded = try LoadedModel(checkpoint, source, weights: weights, needsHead: true)
    let part = try DataPart.forEvaluation(data, classes: loaded.namesClasses ? loaded.classes : nil)
    let count = loaded.model.configuration.classes
    guard part.folder.classes.count == count else {
      throw CommandFault.classCount(source: data, found: part.folder.classes.count, expected: count)
    }
    tell(part.described(data))
    var metrics = ClassificationMetrics(classes: part.folder.classes)
    let entries = part.folder.entries
    let skipped = try Photographs.forEachBatch(entries, of: loaded, label: "evaluating") { batch in
      let scalars = loaded.logProbabilities(batch.inputs).scalars
      for (row, index) in batch.indices.enumerated() {
        let scores = scalars[(row * count)..<((row + 1) * count)]
        let label = entries[index].label
        let best = scores.indices.max { (scores[$0], $1) < (scores[$1], $0) } ?? row * count
        metrics.add(label: label, predicted: best - row * count, loss: -Double(scores[row * count + label]))
      }
    }
    if let first = skipped.first, metrics.count == 0 {
      throw CommandFault.nothingDecoded(path: data, first: first.reason)
    }
    for image in skipped { tell("skipped: \(image.reason)") }
    if json {
      print(object(metrics, part, skipped.map { (entries[$0.index].path, $0.reason) }).serialized)
    } else {
      for line in lines(metrics, skipped: skipped.count) { print(line) }
    }
  }

  private func object(
    _ metrics: ClassificationMetrics, _ part: DataPart, _ skipped: [(path: String, reason: String)]
  ) -> JSONValue {
    .members([
      "images": .integer(metrics.count),
      "accuracy": .real(metrics.accuracy),
      "loss": .real(metrics.meanLoss),
      "confusion": .array(metrics.confusion.map { .array($0.map { .integer($0) }) }),
      "classes": .texts(metrics.classes),
      "precision": .array(metrics.precision.map { .real($0) }),
      "recall": .array(metrics.recall.map { .real($0) }),
      "skipped": .array(skipped.map { .members(["image": .text($0.path), "error": .text($0.reason)]) }),
      "part": part.name.map { .text($0) } ?? .null,
    ])
  }

  private func lines(_ metrics: ClassificationMetrics, skipped: Int) -> [String] {
    var lines = [
      "\(counted(metrics.count, "image")), accuracy \(percent(metrics.accuracy ?? 0)), "
        + "loss \(fixed(metrics.meanLoss ?? 0, 4))\(skipped > 0 ? ", \(skipped) skipped" : "")"
    ]
    var rows = [["class", "precision", "recall"]]
    for (index, name) in metrics.classes.enumerated() {
      rows.append([
        name, metrics.precision[index].map(percent) ?? "-", metrics.recall[index].map(percent) ?? "-",
      ])
    }
    lines += table(rows, right: [1, 2])
    // A matrix of many classes is for programs: --json has it.
    if metrics.classes.count <= 20 {
      lines.append("confusion (rows: true class, columns: predicted)")
      var matrix = [[""] + metrics.classes]
      for (name, row) in zip(metrics.classes, metrics.confusion) { matrix.append([name] + row.map(grouped)) }
      lines += table(matrix, right: Set(1...metrics.classes.count))
    }
    return lines
  }
}
