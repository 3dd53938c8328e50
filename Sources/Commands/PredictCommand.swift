import ArgumentParser
import Aviary

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Say what photographs show, or what the rows of a table come to.",
    discussion: """
      JPEG, PNG and WebP. An image that cannot be read is named; the others are predicted, and the exit code is 1. A \
      checkpoint of a table takes .csv files with the columns that it was trained on, and treats rows in the same way; \
      one of a time series says what follows the end of each.
      """)

  @Argument(help: "The checkpoint: a file, or the name of shipped weights.") var checkpoint: String
  @Argument(help: ArgumentHelp("The images, or tables.", valueName: "image")) var images: [String]
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many classes are named, the most probable first.", valueName: "k"))
  var top = 5
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    guard top > 0 else { throw ValidationError("--top \(top) is not possible; it must be at least 1") }
  }

  /// What was found in one image.
  private enum Finding {
    case classes([(name: String, probability: Float)])
    case fault(String)
  }

  func run() throws {
    if images.allSatisfy({ $0.hasSuffix(".csv") }) { return try predictTables() }
    let loaded = try LoadedModel(checkpoint, source, weights: weights, needsHead: true)
    var findings = Array(repeating: Finding.classes([]), count: images.count)
    let entries = images.map { ImageEntry(path: $0, label: 0) }
    let skipped = try Photographs.forEachBatch(entries, of: loaded, label: "predicting") { batch in
      let scalars = inference { softmax(loaded.model(batch.inputs)) }.scalars
      let count = loaded.classes.count
      for (row, index) in batch.indices.enumerated() {
        let probabilities = scalars[(row * count)..<((row + 1) * count)]
        let best = probabilities.indices.sorted { (probabilities[$0], $1) > (probabilities[$1], $0) }.prefix(top)
        findings[index] = .classes(best.map { (loaded.classes[$0 - row * count], probabilities[$0]) })
      }
    }
    for image in skipped { findings[image.index] = .fault(image.reason) }
    if json {
      print(object(findings).serialized)
    } else {
      for line in lines(findings) { show(line) }
    }
    if let first = skipped.first {
      throw CommandFault.unreadableImages(count: skipped.count, of: images.count, first: first.reason)
    }
  }

  private func object(_ findings: [Finding]) -> JSONValue {
    let predictions = zip(images, findings).map { image, finding -> JSONValue in
      switch finding {
      case .classes(let classes):
        .members([
          "image": .text(image),
          "classes": .array(
            classes.map { .members(["name": .text($0.name), "probability": .real($0.probability)]) }),
        ])
      case .fault(let reason): .members(["image": .text(image), "error": .text(reason)])
      }
    }
    return .members(["predictions": .array(predictions)])
  }

  private func lines(_ findings: [Finding]) -> [String] {
    zip(images, findings).flatMap { image, finding -> [String] in
      switch finding {
      case .classes(let classes):
        [image] + table(classes.map { ["", percent(Double($0.probability)), $0.name] }, right: [1])
      case .fault: [image, "  not predicted"]
      }
    }
  }

  private func predictTables() throws {
    let evaluation = try DataEvaluation(checkpoint, source, weights: weights)
    var predictions = TablePredictions(top: top)
    switch try evaluation.checkpoint.inputPreparation() {
    case .series(let preprocessing):
      let model = try evaluation.seriesModel(preprocessing)
      for path in images { predictions.addNext(path, model, preprocessing) }
    case .characters(let preprocessing):
      let predictor = try evaluation.textPredictor(preprocessing)
      for path in images { predictions.add(path, predictor) }
    default:
      let (model, preprocessing) = try evaluation.tableModel()
      for path in images { predictions.add(path, model, preprocessing) }
    }
    if json {
      print(predictions.json)
    } else {
      for line in predictions.lines { show(line) }
    }
    if let first = predictions.faults.first {
      throw CommandFault.unpredictedRows(count: predictions.faults.count, of: predictions.count, first: first)
    }
  }
}
